//! Makes lists of the viewer's files, and of neuroglancer's, so that they become a part of the program.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let viewer = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let viewer = viewer.join("../viewer");
    let mut lists = String::new();
    let page = viewer.join("page");
    println!("cargo::rerun-if-changed={}", page.display());
    // A build without the viewer's folder is one without a viewer.
    list("PAGE", "the viewer's files", page.is_dir().then_some(&page), &mut lists)?;
    let client = viewer.join("neuroglancer/dist");
    let mut is_there = false;
    if env::var_os("CARGO_FEATURE_NEUROGLANCER").is_some() {
        // A folder that is not there would be looked for, and this be run, at every build; the one
        // above it changes when it comes.
        is_there = client.join("index.html").is_file();
        let watched = if is_there { client.clone() } else { viewer.join("neuroglancer") };
        println!("cargo::rerun-if-changed={}", watched.display());
        if !is_there {
            println!(
                "cargo::warning=viewer/build.sh has not been run: this build has no neuroglancer"
            );
        }
    }
    list("NEUROGLANCER", "neuroglancer's files", is_there.then_some(&client), &mut lists)?;
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("pages.rs"), lists)
}

/// Writes the list of the files of a folder, if there is one.
fn list(name: &str, what: &str, folder: Option<&PathBuf>, lists: &mut String) -> io::Result<()> {
    let mut files = Vec::new();
    if let Some(folder) = folder {
        collect(folder, "", &mut files)?;
    }
    files.sort();
    let _ = writeln!(lists, "/// Names and bytes of {what}.\nconst {name}: &[(&str, &[u8])] = &[");
    for (name, path) in files {
        let path = path.canonicalize()?;
        let path = path.display().to_string();
        let _ = writeln!(lists, "    ({name:?}, include_bytes!({path:?})),");
    }
    lists.push_str("];\n");
    Ok(())
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
