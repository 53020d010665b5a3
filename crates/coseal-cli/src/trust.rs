//! `coseal trust`: makes, changes and shows trust bundles.

mod needed;
mod root;
mod show;
mod unverified;
mod view;

use std::path::{Path, PathBuf};
use std::time::Duration;

use coseal::{
    NewRecord, Pattern, Reason, Revocation, SigningKey, Time, TrustBundle, TrustEditor,
    VerifyingKey,
};
use coseal_store::{BundleFile, Existing, keys};

use crate::args::trust as args;
use crate::args::trust::{Believed, Command, Edited, Limits};
use crate::failure::{Exit, Failure, Result, Stop};
use crate::secrets::Secrets;
use crate::{report, times};

/// How far clocks may differ, as in the specification.
pub(crate) const SKEW: Duration = Duration::from_secs(60);

/// Runs `coseal trust …`.
pub(crate) fn run(command: Command) -> Result<Exit> {
    match command {
        Command::New(args) => new(&args)?,
        Command::Add(args) => add(&args)?,
        Command::Retire(args) => {
            let at = args.at.unwrap_or_else(Time::now);
            edit(&args.bundle, None, |_, editor| editor.retire(&args.key_id, at))?;
        }
        Command::Revoke(args) => revoke(&args)?,
        Command::Renew(args) => {
            edit(&args.bundle, Some(args.valid_for), |_, _| Ok(()))?;
        }
        Command::Root(command) => root::run(command)?,
        Command::Show(args) => show::run(&args)?,
        Command::Needed(args) => return needed::run(args),
    }
    Ok(Exit::Fine)
}

/// The trust bundle that a reader believes, and a warning where it has expired.
pub(crate) fn believed(args: &Believed) -> Result<TrustBundle> {
    let limits = (&*args.pin, args.domain.as_deref(), args.state.as_ref());
    let load = || Ok(file(args.trust.clone(), limits)?.load(Time::now())?);
    let bundle = load().map_err(naming(args.state.as_deref()))?;
    if bundle.is_expired(Time::now(), SKEW) {
        report::warning(&format!(
            "the trust bundle expired at {}: live readers refuse everything",
            times::format(bundle.expires_at())
        ));
    }
    Ok(bundle)
}

/// The trust bundle at `path` under the limits that were given.
pub(crate) fn limited(path: PathBuf, limits: &Limits, now: Time) -> Result<TrustBundle> {
    let given = (&*limits.pin, limits.domain.as_deref(), limits.state.as_ref());
    let load = || Ok(file(path, given)?.load(now)?);
    load().map_err(naming(limits.state.as_deref()))
}

/// Where there is a state, the roots in it decide and no pin is asked: the hint names it.
fn naming(state: Option<&Path>) -> impl FnOnce(Stop) -> Stop {
    move |stop| match (stop, state) {
        (Stop::Failure(failure), Some(state))
            if failure.code == "untrusted/unknown_root" && state.exists() =>
        {
            let hint = format!(
                "the state {} decides which roots are believed, not --pin. Was a bundle missed? Show it the one that named this root as the next before this one. An older bundle stays refused, and rightly. Only where the root was lost or stolen: get the new ROOT.pub and bundle from its operator, by a way you trust, and move the state away",
                state.display()
            );
            failure.hint(hint).into()
        }
        (stop, _) => stop,
    }
}

fn file(
    path: PathBuf,
    (pins, domain, state): (&[PathBuf], Option<&str>, Option<&PathBuf>),
) -> Result<BundleFile> {
    let roots: Vec<_> =
        pins.iter().map(|pin| keys::read_verifying_key(pin)).collect::<Result<_, _>>()?;
    let mut file = BundleFile::at(path).pinned(roots);
    if let Some(domain) = domain {
        file = file.domain(domain);
    }
    if let Some(state) = state {
        file = file.state(state);
    }
    Ok(file)
}

fn new(args: &args::New) -> Result<()> {
    let Edited { bundle, root, pin, state, .. } = &args.bundle;
    let named = [root].into_iter().chain(pin).chain(state);
    crate::output::refuse_named(bundle, named.map(PathBuf::as_path))?;
    let (root, file) = edited(&args.bundle)?;
    let now = Time::now();
    let bytes = TrustBundle::make(&args.domain)
        .sign(&root, now, now.plus(args.valid_for))
        .map_err(refused(&args.bundle))?;
    let existing = if args.force { Existing::Replace } else { Existing::Refuse };
    let made = file.create(&bytes, now, existing).map_err(Stop::from);
    tell(&args.bundle, &made.map_err(naming(args.bundle.state.as_deref()))?);
    Ok(())
}

fn add(args: &args::Add) -> Result<()> {
    let pattern = |text: &String| {
        Pattern::new(text).map_err(|error| Failure::core(format!("--channel {text}"), &error))
    };
    if !crate::text::is_uri(&args.subject) {
        report::warning(&format!(
            "the subject {} is no URI: seal --to cannot name it",
            args.subject
        ));
    }
    let record = NewRecord {
        key: keys::read_public_key(&args.key)?,
        subject: args.subject.clone(),
        valid_from: args.from.unwrap_or_else(Time::now),
        valid_until: args.until,
        channels: args.channels.iter().map(pattern).collect::<Result<_, _>>()?,
    };
    edit(&args.bundle, None, |_, editor| editor.add(record)).map(drop)
}

fn revoke(args: &args::Revoke) -> Result<()> {
    let revocation = Revocation {
        revoked_at: Time::now(),
        reason: match args.reason {
            args::Reason::Compromised => Reason::Compromised,
            args::Reason::Superseded => Reason::Superseded,
            args::Reason::Ceased => Reason::Ceased,
        },
        compromised_since: args.compromised_since,
    };
    edit(&args.bundle, None, |_, editor| editor.revoke(&args.key_id, revocation)).map(drop)
}

/// Changes a bundle and signs it again, as the root that signed it before.
fn edit(
    args: &Edited,
    valid_for: Option<Duration>,
    change: impl FnOnce(&TrustBundle, &mut TrustEditor) -> coseal::Result<()>,
) -> Result<TrustBundle> {
    replace(args, valid_for, |present, root, editor| {
        // In passing this would take the right to sign from the present root.
        if present.root() != root {
            let (new, old) = (root.key_id(), present.root().key_id());
            let failure =
                Failure::misuse(format!("root {new} did not sign this bundle, {old} did"));
            let hint = "--root names the root that signed it; coseal trust root hands it over";
            return Err(failure.hint(hint).into());
        }
        Ok(change(present, editor).map_err(refused(args))?)
    })
}

/// Replaces a bundle by one that `change` made of it, signed by the root given:
/// with a new expiry, or with the one it had.
fn replace(
    args: &Edited,
    valid_for: Option<Duration>,
    change: impl FnOnce(&TrustBundle, &VerifyingKey, &mut TrustEditor) -> Result<()>,
) -> Result<TrustBundle> {
    let (root, file) = edited(args)?;
    let now = Time::now();
    let done = file.edit(now, |present| -> Result<Vec<u8>> {
        let mut editor = present.edit().map_err(refused(args))?;
        change(present, root.verifying_key(), &mut editor)?;
        let expires_at = valid_for.map_or(present.expires_at(), |valid_for| now.plus(valid_for));
        Ok(editor.sign(&root, now, expires_at).map_err(refused(args))?)
    });
    let bundle = done.map_err(naming(args.state.as_deref()))?;
    tell(args, &bundle);
    Ok(bundle)
}

/// The root's private key, and the bundle as that root may change it.
fn edited(args: &Edited) -> Result<(SigningKey, BundleFile)> {
    let root = Secrets::of(&args.passphrases)?.signing_key(&args.root)?;
    let mut roots = vec![root.verifying_key().clone()];
    for pin in &args.pin {
        roots.push(keys::read_verifying_key(pin)?);
    }
    let file = BundleFile::at(&args.bundle).pinned(roots);
    let file = match &args.state {
        Some(state) => file.state(state),
        None => file,
    };
    Ok((root, file))
}

fn refused(args: &Edited) -> impl FnOnce(coseal::Error) -> Failure {
    move |error| Failure::core(args.bundle.display(), &error)
}

fn tell(args: &Edited, bundle: &TrustBundle) {
    let (path, keys) = (args.bundle.display(), bundle.records().len());
    let keys = if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") };
    report::note(&format!(
        "{path}: bundle {} of {}, {keys}, expires {}",
        bundle.sequence(),
        bundle.domain(),
        times::format(bundle.expires_at())
    ));
    if bundle.is_expired(Time::now(), SKEW) {
        report::warning("it has expired: coseal trust renew gives it a new expiry");
    }
}
