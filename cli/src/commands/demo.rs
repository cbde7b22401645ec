//! `bigarrays demo`: the main job on a small volume made up on the spot, step by step.

use std::path::Path;

use bigarrays::info::DataType;
use clap::Parser;

use crate::args::{Cli, DemoArgs};
use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::output;
use crate::phantom::Phantom;
use crate::picture;

/// All that the demo makes in its folder.
const FILES: [&str; 8] = [
    "em.npy",
    "labels.npy",
    "demo.db",
    "demo.db-wal",
    "demo.db-shm",
    "cutout.npy",
    "slice.png",
    "picture.png",
];

pub(crate) fn run(args: &DemoArgs, console: Console) -> Result<(), CliError> {
    let dir = &args.dir;
    prepare(dir)?;
    let phantom = Phantom::grow([192, 192, 64]);
    let size = phantom.size();
    output::write(&dir.join("em.npy"), phantom.image(), DataType::Uint8, size)?;
    output::write(&dir.join("labels.npy"), phantom.labels(), DataType::Uint32, size)?;

    let dir_text = dir.display().to_string();
    let step =
        |about: &str, command: &str| step(about, &command.replace("DIR", &dir_text), console);
    step(
        "An image and a segmentation become two volumes in one SQLite file.",
        "import DIR/em.npy sqlite://DIR/demo.db?prefix=em --chunk 64,64,32 --offset -96,-96,1000 --resolution 8,8,40",
    )?;
    step(
        "",
        "import DIR/labels.npy sqlite://DIR/demo.db?prefix=labels --chunk 64,64,32 --offset -96,-96,1000 --resolution 8,8,40 --type segmentation",
    )?;
    step("What is in there?", "info sqlite://DIR/demo.db?prefix=labels")?;
    step(
        "Any box can be cut out, across chunks and across the border, where zeros begin.",
        "cutout sqlite://DIR/demo.db?prefix=labels --box -120:0,-50:50,1010:1020 -o DIR/cutout.npy",
    )?;
    step(
        "One slice of the image, as a PNG.",
        "cutout sqlite://DIR/demo.db?prefix=em --box :,:,1032:1033 -o DIR/slice.png",
    )?;
    step(
        "Which cells are at these voxels?",
        "points sqlite://DIR/demo.db?prefix=labels --at -60,-20,1032 0,0,1032 70,40,1032",
    )?;
    step("Is every chunk there?", "missing sqlite://DIR/demo.db?prefix=labels")?;
    show(dir, &dir_text, console)
}

/// Makes the folder, or empties it of what an earlier demo made; touches no other.
fn prepare(dir: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(dir).map_err(CliError::file("create", dir))?;
    let strangers = std::fs::read_dir(dir).map_err(CliError::file("read", dir))?;
    for entry in strangers {
        let name = entry.map_err(CliError::file("read", dir))?.file_name();
        if !FILES.iter().any(|file| name == *file) {
            return Err(CliError::refused(format!(
                "{} holds something that is not the demo's ({}); choose another folder with --dir",
                dir.display(),
                name.display(),
            )));
        }
    }
    for file in FILES.map(|file| dir.join(file)) {
        if file.exists() {
            std::fs::remove_file(&file).map_err(CliError::file("remove", &file))?;
        }
    }
    Ok(())
}

/// Shows a command and does it, through the same door as the shell.
fn step(about: &str, command: &str, console: Console) -> Result<(), CliError> {
    interrupt::check()?;
    if !console.is_json() {
        if !about.is_empty() {
            console.line(&format!("\n# {about}"));
        }
        // A shell would take ? and & for its own.
        let quoted: Vec<String> = command
            .split(' ')
            .map(|word| if word.contains(['?', '&']) { format!("'{word}'") } else { word.into() })
            .collect();
        console.line(&format!("$ bigarrays {}", quoted.join(" ")));
    }
    let words = std::iter::once("bigarrays").chain(command.split(' ')).map(Into::into);
    let mut cli = Cli::try_parse_from(crate::values::join_negative_values(words))
        .map_err(|error| CliError::usage(error.to_string()))?;
    cli.json = console.is_json();
    cli.quiet = true;
    super::run(cli)
}

/// The same slice, with the cells in colour, as a PNG and on the terminal.
fn show(dir: &Path, dir_text: &str, console: Console) -> Result<(), CliError> {
    let slice = |name: &str| {
        let array = bigarrays::open(&format!("sqlite://{dir_text}/demo.db?prefix={name}"))?;
        array.read_dyn([-96..96, -96..96, 1032..1033]).map_err(CliError::from)
    };
    let (em, labels) = (slice("em")?.array, slice("labels")?.array);
    let path = dir.join("picture.png");
    let mut image = picture::Picture::gray(&em);
    image.overlay(&picture::Picture::labels(&labels), 0.35);
    image.save_png(&path)?;
    if !console.is_json() {
        console.line(&format!("\n{}", image.scaled(76).terminal(console.colours())));
        console
            .line(&format!("This picture: {}. All files of the demo: {dir_text}/", path.display()));
    }
    Ok(())
}
