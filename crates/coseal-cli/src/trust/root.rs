//! `coseal trust root`: which root keys sign, and how one takes over from
//! another.
//!
//! Readers with state follow a root only if a bundle that they saw names it;
//! readers without follow what they pin. So each step says what has to reach
//! whom before the next one.

use std::path::Path;

use coseal::{KeyId, TrustBundle, TrustEditor};
use coseal_store::keys;

use super::{edit, refused, replace};
use crate::args::root::{Add, Command, Promote, Remove};
use crate::failure::{Failure, Result, Stop};
use crate::report;

/// Runs `coseal trust root …`.
pub(super) fn run(command: Command) -> Result<()> {
    match command {
        Command::Add(args) => add(&args),
        Command::Promote(args) => promote(&args),
        Command::Remove(args) => remove(&args),
    }
}

fn add(args: &Add) -> Result<()> {
    let new = keys::read_verifying_key(&args.key)?;
    let id = new.key_id();
    let bundle = edit(&args.bundle, None, |present, editor| {
        if *present.root() == new {
            let detail = format!("root {id} signs this bundle already");
            return Err(coseal::Error::Misuse(detail.into()));
        }
        editor.add_root(new)
    })?;
    let (path, key) = (args.bundle.bundle.display(), args.key.display());
    let number = bundle.sequence();
    report::note(&format!("root {id} may sign the next bundle"));
    next(&format!("get bundle {number} to every reader: one with state follows {id} only then"));
    next(&format!("pin {key} besides the present root wherever a reader keeps no state"));
    next(&format!("coseal trust root promote {path} --root {}", private_key(&args.key)));
    Ok(())
}

fn promote(args: &Promote) -> Result<()> {
    let mut old = None;
    let replaced = replace(&args.bundle, None, |present, root, editor| {
        let (id, number) = (root.key_id(), present.sequence());
        if present.root() == root {
            return Err(Failure::misuse(format!("root {id} signs this bundle already"))
                .hint("coseal trust show tells which root signed it, and which it names")
                .into());
        }
        if !present.next_roots().contains(root) {
            let what = format!("bundle {number} does not name root {id}: no reader would follow");
            let hint = "coseal trust root add names it, signed by the present root; readers need that bundle first";
            return Err(Failure::misuse(what).hint(hint).into());
        }
        hand_over(present, &id, args.keep_old, editor).map_err(refused(&args.bundle))?;
        old = Some((present.root().key_id(), number));
        Ok(())
    });
    let bundle = replaced.map_err(|stop| hint_at_pin(args, stop))?;
    let Some((old, named_in)) = old else { return Ok(()) };
    let new = bundle.root().key_id();
    report::note(&if args.keep_old {
        format!("root {new} signs from now on; {old} may take over again")
    } else {
        format!("root {new} signs from now on; {old} does not any more")
    });
    next(&format!("keep bundle {named_in}: a reader with state needs it before this one"));
    next(&format!("pin root {new} wherever a reader keeps no state: it needs that now"));
    Ok(())
}

/// The root that takes over need not be named any more; the present one is named
/// only if it may come back.
fn hand_over(
    present: &TrustBundle,
    new: &KeyId,
    keep_old: bool,
    editor: &mut TrustEditor,
) -> coseal::Result<()> {
    editor.remove_root(new)?;
    let old = present.root();
    match (keep_old, present.next_roots().contains(old)) {
        (true, false) => editor.add_root(old.clone()),
        (false, true) => editor.remove_root(&old.key_id()),
        (true, true) | (false, false) => Ok(()),
    }
}

fn remove(args: &Remove) -> Result<()> {
    let id = &args.key_id;
    let bundle = edit(&args.bundle, None, |_, editor| editor.remove_root(id))?;
    report::note(&format!("root {id} may not sign the next bundle"));
    next(&format!("get bundle {} to every reader: one follows {id} until then", bundle.sequence()));
    Ok(())
}

/// Nothing but the new root is known, unless somebody said which one was before.
fn hint_at_pin(args: &Promote, stop: Stop) -> Stop {
    if let Stop::Failure(failure) = &stop
        && failure.code == "untrusted/unknown_root"
        && args.bundle.pin.is_empty()
        && args.bundle.state.is_none()
    {
        let hint = "--pin OLD.pub or COSEAL_PIN names the root that signed it";
        return (**failure).clone().hint(hint).into();
    }
    stop
}

/// Something that has to be done.
fn next(what: &str) {
    report::note(&format!("  next: {what}"));
}

/// Where the private key probably is: beside the public one.
fn private_key(public: &Path) -> String {
    let name = public.display().to_string();
    name.strip_suffix(".pub").map_or_else(|| "NEW".to_owned(), str::to_owned)
}
