//! A door for the fuzz targets: what is read of a file without the library.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::process;

use super::dataset::Snapshot;
use super::error::H5Error;
use super::format::{Found, describe};
use crate::fuzzing::check_error;

/// What is read at the most of a dataset or chunk whose shape was invented.
const MOST: u64 = 1 << 20;
/// Chunks that are read.
const CHUNKS: usize = 64;

/// A file that nobody else sees and that ends with this program; the same at each call.
fn unnamed() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("bigarrays-fuzzing-{}.h5", process::id()));
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
    fs::remove_file(path)?;
    Ok(file)
}

/// Reads a dataset: its name is the first line of the input, the file is the rest.
///
/// # Panics
/// If a chunk has another length than its shape, or an error is long.
pub fn file(input: &[u8]) {
    thread_local! {
        static FILE: Option<File> = unnamed().ok();
    }
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (name, bytes) = input.split_at(end);
    let bytes = bytes.get(1..).unwrap_or_default();
    let Ok(name) = std::str::from_utf8(name) else { return };
    let len = bytes.len() as u64;
    FILE.with(|file| {
        let file = file.as_ref()?;
        file.set_len(0).and_then(|()| file.write_all_at(bytes, 0)).ok()?;
        match describe(file, len, name) {
            Err(error) => check_error(&error),
            Ok(Found::Unusual) => {}
            Ok(Found::Known(map)) => {
                let state = Snapshot::described(file.try_clone().ok()?, map).ok()?;
                if let Err(error) = read(&state) {
                    check_error(&error);
                }
            }
        }
        Some(())
    });
}

fn read(state: &Snapshot) -> Result<(), H5Error> {
    let map = state.map();
    let size = map.data_type.size() as u64;
    let mut out = Vec::new();
    if let (Some(table), Some(chunk)) = (map.table(), map.chunk()) {
        let values = chunk.iter().try_fold(1_u64, |all, axis| all.checked_mul(*axis));
        let Some(len) = values.and_then(|values| values.checked_mul(size)) else { return Ok(()) };
        if len > MOST {
            return Ok(());
        }
        for (chunk, _) in table.iter().take(CHUNKS) {
            if let Err(error) = state.read_chunk(&chunk, &mut out) {
                check_error(&error);
                continue;
            }
            assert_eq!(out.len() as u64, len, "the chunk {chunk:?}");
        }
    }
    let Some(all) = map.bytes().filter(|bytes| *bytes <= MOST) else { return Ok(()) };
    out.clear();
    out.resize(usize::try_from(all).unwrap_or(0), 0);
    let begin = vec![0; map.shape.len()];
    state.read_box(&begin, &map.shape, &mut out)?;
    if map.table().is_none() {
        let mut run = vec![0; out.len()];
        state.read_run(0, &mut run)?;
        assert!(run == out, "the whole is read differently as a box");
    }
    Ok(())
}
