//! Where the demo leaves everything: a folder of its own, never one in use.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

const NAME: &str = "coseal-demo";

/// The caller's folder, or the first free one of `coseal-demo`, `coseal-demo-2` …
pub(crate) fn make(wanted: Option<&Path>) -> Result<PathBuf> {
    let cannot = |path: &Path, error: &io::Error| {
        Failure::io(format!("make the folder {}", path.display()), error)
    };
    if let Some(path) = wanted {
        fs::create_dir_all(path).map_err(|error| cannot(path, &error))?;
        let mut entries = fs::read_dir(path).map_err(|error| cannot(path, &error))?;
        if entries.next().is_some() {
            let failure = Failure::misuse(format!("the folder {} is not empty", path.display()));
            return Err(failure
                .hint("--out DIR names another one; nothing is ever overwritten")
                .into());
        }
        return Ok(path.to_owned());
    }
    for number in 1_u32.. {
        let path =
            PathBuf::from(if number == 1 { NAME.to_owned() } else { format!("{NAME}-{number}") });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot(&path, &error).into()),
        }
    }
    Err(Failure::misuse("there is no free name for a folder").into())
}
