//! Who takes over which bundle when: every order there is.

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The operator publishes the next bundle.
    Publish,
    /// This person takes over the next bundle, which is published.
    Take(usize),
}

/// All orders in which an operator publishes the bundles after `first` up to
/// `last`, and each of `people` takes them over, one after the other.
pub(crate) fn schedules(first: usize, last: usize, people: usize) -> Vec<Vec<Step>> {
    let mut all = Vec::new();
    walk(first, last, &mut vec![first; people], &mut Vec::new(), &mut all);
    all
}

fn walk(
    published: usize,
    last: usize,
    taken: &mut Vec<usize>,
    steps: &mut Vec<Step>,
    all: &mut Vec<Vec<Step>>,
) {
    if published == last && taken.iter().all(|stage| *stage == last) {
        all.push(steps.clone());
        return;
    }
    if published < last {
        steps.push(Step::Publish);
        walk(published + 1, last, taken, steps, all);
        steps.pop();
    }
    for person in 0..taken.len() {
        if taken[person] < published {
            taken[person] += 1;
            steps.push(Step::Take(person));
            walk(published, last, taken, steps, all);
            steps.pop();
            taken[person] -= 1;
        }
    }
}
