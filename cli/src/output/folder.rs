//! A folder of PNGs, one for each z.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::OutputError;
use super::pages::Pages;
use super::stream::Wanted;
use super::write::write;
use crate::error::CliError;

/// Writes the folder beside its place, and gives it its name when it is complete. A folder that
/// holds something is not replaced.
pub(super) fn save(path: &Path, wanted: &Wanted, mut pages: Pages<'_>) -> Result<(), CliError> {
    let io = |verb| OutputError::io(verb, path);
    match fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
        Ok(true) => {
            let what = "it is a folder that holds something";
            return Err(OutputError::unsupported(path, what, "choose another name").into());
        }
        Ok(false) => fs::remove_dir(path).map_err(io("replace the empty folder"))?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(io("write")(error).into()),
    }
    let beside = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut part = tempfile::Builder::new();
    part.prefix(".bigarrays-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As new folders have them: the system takes away what the user's mask forbids.
        part.permissions(fs::Permissions::from_mode(0o777));
    }
    let part = part.tempdir_in(beside).map_err(io("create a folder beside"))?;
    let [x, y, depth, channels] = wanted.size;
    let digits = depth.saturating_sub(1).to_string().len().max(4);
    for z in 0..depth {
        let page = pages.page(z)?;
        let planes = apart(&page, wanted.data_type.size(), channels);
        let name = part.path().join(format!("{z:0digits$}.png"));
        write(&name, &planes, wanted.data_type, [x, y, 1, channels])?;
    }
    fs::rename(part.keep(), path).map_err(io("rename the complete folder to"))?;
    Ok(())
}

/// Channels one after another, as voxels have them, of a page that has them as neighbours.
fn apart(page: &[u8], item: usize, channels: u64) -> Vec<u8> {
    let channels = usize::try_from(channels).unwrap_or(usize::MAX).max(1);
    if channels == 1 {
        return page.to_vec();
    }
    let pixel = item * channels;
    let samples = (0..channels).flat_map(|channel| {
        page.chunks_exact(pixel).flat_map(move |pixel| &pixel[channel * item..][..item])
    });
    samples.copied().collect()
}
