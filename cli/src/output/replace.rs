//! Files that are complete or not there.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::Builder;

use super::OutputError;
use crate::interrupt;

/// Where an encoder writes to.
pub(super) type Out<'a> = BufWriter<&'a mut File>;

/// Writes bytes to a file.
pub(crate) fn save(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    replace(path, |out| out.write_all(bytes).map_err(OutputError::io("write", path)))
}

/// Writes a file and puts it in the place of `path` when it is complete.
pub(super) fn replace(
    path: &Path,
    encode: impl FnOnce(&mut Out<'_>) -> Result<(), OutputError>,
) -> Result<(), OutputError> {
    let io = |verb| OutputError::io(verb, path);
    // The temporary file must not stay.
    let _hold = interrupt::hold();
    let (target, permissions) = match fs::metadata(path) {
        // Behind a link, the file is replaced, not the link.
        Ok(old) if old.is_file() => {
            (fs::canonicalize(path).map_err(io("write"))?, Some(old.permissions()))
        }
        Ok(old) if old.is_dir() => {
            return Err(io("write")(ErrorKind::IsADirectory.into()));
        }
        // A pipe or a device is written to: there is nothing to be replaced.
        Ok(_) => return pass_through(path, encode),
        Err(error) if error.kind() == ErrorKind::NotFound => (path.to_owned(), None),
        Err(error) => return Err(io("write")(error)),
    };
    let folder = folder(&target);
    if !folder.is_dir() {
        return Err(OutputError::NoFolder { path: path.to_owned(), folder });
    }
    let mut builder = Builder::new();
    builder.prefix(".bigarrays-").suffix(".part");
    if let Some(permissions) = permissions.or_else(usual_permissions) {
        builder.permissions(permissions);
    }
    let mut part = builder.tempfile_in(folder).map_err(io("create a file beside"))?;
    fill(path, part.as_file_mut(), encode)?;
    part.persist(&target).map_err(|error| io("rename the complete file to")(error.error))?;
    Ok(())
}

fn fill(
    path: &Path,
    file: &mut File,
    encode: impl FnOnce(&mut Out<'_>) -> Result<(), OutputError>,
) -> Result<(), OutputError> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    encode(&mut out)?;
    out.flush().map_err(OutputError::io("write", path))
}

fn pass_through(
    path: &Path,
    encode: impl FnOnce(&mut Out<'_>) -> Result<(), OutputError>,
) -> Result<(), OutputError> {
    let mut complete = tempfile::tempfile().map_err(OutputError::io("write", path))?;
    fill(path, &mut complete, encode)?;
    complete
        .seek(SeekFrom::Start(0))
        .and_then(|_| OpenOptions::new().write(true).open(path))
        .and_then(|mut device| io::copy(&mut complete, &mut device))
        .map_err(OutputError::io("write", path))?;
    Ok(())
}

pub(super) fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// What any program's new files have; temporary ones are for their owner alone.
#[cfg(unix)]
pub(super) fn usual_permissions() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    // The umask takes away what it always does.
    Some(Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
pub(super) fn usual_permissions() -> Option<Permissions> {
    None
}
