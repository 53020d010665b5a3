//! Sound values and what a schema says of their members in, values that it
//! must refuse out: each place loses a member, gets one, has another type.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// What may stand where, by the names of members; `name[]` are the elements of
/// an array, `*` the values of a map. Whatever is not named has one type.
pub(super) struct Members {
    /// May be null.
    pub(super) nullable: &'static [&'static str],
    /// Text that may say anything.
    pub(super) text: &'static [&'static str],
    /// Objects whose names are data, and the largest number of them.
    pub(super) maps: &'static [(&'static str, usize)],
    /// Maps whose values may be text, an integer or a boolean.
    pub(super) scalars: &'static [&'static str],
    /// Integers: the next below the least, the next above the largest.
    pub(super) integers: &'static [(&'static str, f64, Option<f64>)],
    /// The largest number of elements.
    pub(super) longest: &'static [(&'static str, usize)],
    /// Hexadecimal digits of any even number.
    pub(super) long_hex: &'static [&'static str],
}

/// -2^63, and the next number that a float can say below it.
pub(super) const BELOW_I64: f64 = -9_223_372_036_854_777_856.0;
/// 2^53, 2^63, 2^64.
pub(super) const TWO_53: f64 = 9_007_199_254_740_992.0;
pub(super) const TWO_63: f64 = 9_223_372_036_854_775_808.0;
pub(super) const TWO_64: f64 = 18_446_744_073_709_551_616.0;

/// A value that must be refused, and what was done to it.
pub(super) struct Broken {
    pub(super) how: String,
    pub(super) value: Value,
}

impl Members {
    /// Breaks `value` at every place that `seen` does not know yet. A place is
    /// a path and a type: the first value of a sort that has it stands for all.
    pub(super) fn broken(
        &self,
        value: &Value,
        sort: &str,
        seen: &mut BTreeSet<String>,
    ) -> Vec<Broken> {
        let mut places = Vec::new();
        self.places(value, "", "", &mut places);
        let mut broken = Vec::new();
        for (pointer, path) in places {
            let at = value.pointer(&pointer).unwrap();
            if !seen.insert(format!("{sort} {path} {}", kind(at))) {
                continue;
            }
            for (what, other) in self.instead(at, &path) {
                let mut value = value.clone();
                *value.pointer_mut(&pointer).unwrap() = other;
                broken.push(Broken { how: format!("{sort} {path}: {what}"), value });
            }
        }
        broken
    }

    /// Every place: its pointer, and its path, which has no numbers and no
    /// names that are data.
    fn places(&self, at: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
        found.push((pointer.to_owned(), path.to_owned()));
        match at {
            Value::Object(members) => {
                let free = self.is_map(name(path));
                for (member, value) in members {
                    let pointer =
                        format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"));
                    let path = format!("{path}/{}", if free { "*" } else { member });
                    self.places(value, &pointer, &path, found);
                }
            }
            Value::Array(elements) => {
                for (index, value) in elements.iter().enumerate() {
                    self.places(value, &format!("{pointer}/{index}"), &format!("{path}[]"), found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn is_map(&self, name: &str) -> bool {
        self.maps.iter().any(|(map, _)| *map == name)
    }

    /// What must be refused in the place of a value.
    fn instead(&self, at: &Value, path: &str) -> Vec<(String, Value)> {
        let name = name(path);
        let any_scalar = name == "*" && self.scalars.contains(&owner(path));
        // No member is any of these.
        let mut others = vec![json!(1.5), json!([1.5]), json!({"unheard_of": null})];
        if !at.is_null() && !self.nullable.contains(&name) {
            others.push(Value::Null);
        }
        if !any_scalar {
            others.extend((!at.is_boolean()).then_some(Value::Bool(true)));
            others.extend((!at.is_number() && !at.is_null()).then(|| json!(1)));
            others.extend((!at.is_null() && !self.text.contains(&name)).then(|| json!("?")));
        }
        let mut instead: Vec<_> = others.into_iter().map(|v| (format!("{v}"), v)).collect();
        match at {
            Value::Object(members) => self.other_members(members, name, &mut instead),
            Value::Array(elements) => self.other_elements(elements, name, &mut instead),
            Value::String(text) if is_hex(path) && !text.is_empty() => {
                instead.push(("half a byte".to_owned(), json!(format!("{text}0"))));
                instead.push(("capitals".to_owned(), json!(format!("AB{}", &text[2..]))));
                if !self.long_hex.contains(&name) {
                    instead.push(("a byte more".to_owned(), json!(format!("{text}00"))));
                }
            }
            Value::Number(_) => {
                let bounds = self.integers.iter().find(|(integer, ..)| *integer == name);
                let (_, below, above) = bounds.unwrap_or_else(|| panic!("the bounds of {path}"));
                instead.push(("less".to_owned(), json!(below)));
                instead.extend(above.map(|above| ("more".to_owned(), json!(above))));
            }
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
        instead
    }

    fn other_members(
        &self,
        members: &Map<String, Value>,
        name: &str,
        instead: &mut Vec<(String, Value)>,
    ) {
        if let Some((_, most)) = self.maps.iter().find(|(map, _)| *map == name) {
            let Some(value) = members.values().next() else { return };
            let many = (0..=*most).map(|n| (format!("name{n}"), value.clone())).collect();
            instead.push((format!("more than {most}"), Value::Object(many)));
            return;
        }
        for member in members.keys() {
            let mut fewer = members.clone();
            fewer.remove(member);
            instead.push((format!("no {member}"), Value::Object(fewer)));
        }
        let mut more = members.clone();
        more.insert("unheard_of".to_owned(), Value::Null);
        instead.push(("another member".to_owned(), Value::Object(more)));
    }

    fn other_elements(&self, elements: &[Value], name: &str, instead: &mut Vec<(String, Value)>) {
        let mut more = elements.to_vec();
        more.push(json!({}));
        instead.push(("an element that is none".to_owned(), Value::Array(more)));
        if let Some((_, most)) = self.longest.iter().find(|(array, _)| *array == name)
            && let Some(first) = elements.first()
        {
            let many = vec![first.clone(); most + 1];
            instead.push((format!("more than {most}"), Value::Array(many)));
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        // Nothing in it can be taken away or doubled.
        Value::Array(elements) if elements.is_empty() => "empty array",
        Value::Object(members) if members.is_empty() => "empty object",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The last part of a path.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The part before.
fn owner(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(before, _)| name(before))
}

fn is_hex(path: &str) -> bool {
    let name = name(path).trim_end_matches("[]");
    name.ends_with("_hex") || name == "hex"
}
