//! A folder of images, in natural order: `page2` comes before `page10`.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::SourceError;

/// The images of a folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Folder {
    Tiff(Vec<PathBuf>),
    Png(Vec<PathBuf>),
}

/// Whether a file has one of these endings, in any case.
pub(super) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|found| extensions.iter().any(|known| known.eq_ignore_ascii_case(found)))
}

/// Lists the images of a folder. Other files, hidden files and folders are passed over.
pub(super) fn list(path: &Path) -> Result<Folder, SourceError> {
    let (mut tiffs, mut pngs) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(path).map_err(SourceError::io("read", path))? {
        let file = entry.map_err(SourceError::io("read", path))?.path();
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let list = if has_extension(&file, &["tif", "tiff"]) {
            &mut tiffs
        } else if has_extension(&file, &["png"]) {
            &mut pngs
        } else {
            continue;
        };
        if !hidden && file.is_file() {
            list.push(file);
        }
    }
    let by_name = |a: &PathBuf, b: &PathBuf| {
        let name =
            |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        natural(&name(a), &name(b))
    };
    tiffs.sort_by(by_name);
    pngs.sort_by(by_name);
    match (tiffs.is_empty(), pngs.is_empty()) {
        (false, true) => Ok(Folder::Tiff(tiffs)),
        (true, false) => Ok(Folder::Png(pngs)),
        (true, true) => Err(SourceError::unsupported(
            path,
            "there is no .tif, .tiff or .png file in this folder",
            "give a folder of pages, one z each",
        )),
        (false, false) => Err(SourceError::unsupported(
            path,
            format!("the folder has {} TIFF and {} PNG files", tiffs.len(), pngs.len()),
            "leave one kind only",
        )),
    }
}

/// Compares names so that numbers in them count as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) {
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, n) = (take_number(&mut left), take_number(&mut right));
            m.len().cmp(&n.len()).then(m.cmp(n))
        } else {
            (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]);
            x.cmp(&y)
        };
        if order.is_ne() {
            return order;
        }
    }
    // Same but for leading zeros: any fixed order will do.
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// Takes the digits at the front of a text, without leading zeros.
fn take_number<'a>(text: &mut &'a str) -> &'a str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    *text = rest;
    number.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = [
            "z10.tif",
            "z2.tif",
            "z1.tif",
            "a",
            "z01.tif",
            "z1b",
            "z1a",
            "x99999999999999999999999",
            "x100000000000000000000000",
            "",
            "3",
            "20",
            "é2",
            "é10",
            "z.tif",
        ];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            [
                "",
                "3",
                "20",
                "a",
                "x99999999999999999999999",
                "x100000000000000000000000",
                "z.tif",
                "z01.tif",
                "z1.tif",
                "z1a",
                "z1b",
                "z2.tif",
                "z10.tif",
                "é2",
                "é10",
            ]
        );
    }

    #[test]
    fn a_folder_has_pages_of_one_kind() {
        let dir = tempfile::tempdir().unwrap();
        let touch = |name: &str| fs::write(dir.path().join(name), "").unwrap();
        assert!(list(dir.path()).unwrap_err().to_string().contains("no .tif"));
        for name in ["p10.TIF", "p2.tiff", "notes.txt", ".p1.tif", "README"] {
            touch(name);
        }
        fs::create_dir(dir.path().join("sub.tif")).unwrap();
        let expected = ["p2.tiff", "p10.TIF"].map(|name| dir.path().join(name));
        assert_eq!(list(dir.path()).unwrap(), Folder::Tiff(expected.to_vec()));
        touch("q.png");
        let error = list(dir.path()).unwrap_err().to_string();
        assert!(error.contains("2 TIFF and 1 PNG"), "{error}");
    }
}
