//! Makes a list of the viewer's files, so that they become a part of the program.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let page = here.join("../viewer/page");
    println!("cargo::rerun-if-changed={}", page.display());
    let mut files = Vec::new();
    // A build without the viewer's folder is one without a viewer.
    if page.is_dir() {
        collect(&page, "", &mut files)?;
    }
    files.sort();
    let mut list = String::from(
        "/// Names and bytes of the viewer's files.\nconst PAGE: &[(&str, &[u8])] = &[\n",
    );
    for (name, path) in files {
        let path = path.canonicalize()?;
        let _ = writeln!(list, "    ({name:?}, include_bytes!({:?})),", path.display().to_string());
    }
    list.push_str("];\n");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("page.rs"), list)
}

/// The files below a folder and their names, which are paths with slashes.
fn collect(folder: &Path, above: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{above}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}
