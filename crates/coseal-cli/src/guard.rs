//! Keeps this process' memory out of core dumps, debuggers and swap, as far as
//! the platform lets it. What it does not let is no reason to fail.
//!
//! Linux: no core dump, no tracing by the same user, and, where memory may be
//! locked without a limit, none of it is ever swapped. Other unixes: no core
//! dump. Elsewhere nothing. Hibernation writes locked memory to disk, too.

/// To be called before the first secret is read.
pub(crate) fn keep_secrets_in() {
    #[cfg(unix)]
    no_core_dump();
    #[cfg(target_os = "linux")]
    {
        not_dumpable();
        lock_memory();
    }
}

#[cfg(unix)]
fn no_core_dump() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// A core dump that is piped to a collector ignores the limit, but not this.
#[cfg(target_os = "linux")]
fn not_dumpable() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Locks every page from the moment it is used, so that streams take no more
/// memory than before.
///
/// Only where no limit can be hit later: it counts what is reserved, not what
/// is used, and allocations and stacks would fail in the middle of the work. So
/// the limit is lifted, or set to nothing, where only a privileged process can
/// lock at all, and then without any limit.
#[cfg(target_os = "linux")]
fn lock_memory() {
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let present = getrlimit(Resource::Memlock);
    let lifted = Rlimit { current: None, maximum: None };
    let nothing = Rlimit { current: Some(0), maximum: present.maximum };
    let set = |limit| setrlimit(Resource::Memlock, limit);
    if set(lifted).or_else(|_| set(nothing)).is_err() {
        return;
    }
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if mlockall(all).is_err() {
        let _ = set(present);
    }
}
