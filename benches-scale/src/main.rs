//! Runs the series and writes their tables and plots to a folder.
//!
//! ```text
//! bigarrays-scale FOLDER            all of it: a few minutes
//! bigarrays-scale FOLDER size …     only these series
//! bigarrays-scale --plan BITS N     plans N cutouts: for a counter of instructions
//! ```

use std::io::{self, Write};
use std::path::Path;
use std::{env, fs};

use benches_scale::plot::Plot;
use benches_scale::series::{self, Result};
use benches_scale::table::Table;

mod plots;

/// A series: its name and what makes its table and its plots.
type Series = (&'static str, fn() -> Result<Table>, fn(&Table) -> Vec<(&'static str, Plot)>);

const SERIES: [Series; 7] = [
    ("size", series::size::table, plots::size),
    ("planning", series::planning::table, plots::planning),
    ("listing", series::listing::table, plots::listing),
    ("shards", series::shards::table, plots::shards),
    ("shapes", series::shapes::table, plots::shapes),
    ("clients", series::clients::table, plots::clients),
    ("concurrency", series::concurrency::table, plots::concurrency),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--plan", bits, count] => plan(bits.parse()?, count.parse()?),
        [folder, ref wanted @ ..] if !folder.starts_with('-') => run(Path::new(folder), wanted),
        _ => Err("usage: bigarrays-scale FOLDER [SERIES …]".into()),
    }
}

fn run(folder: &Path, wanted: &[&str]) -> Result<()> {
    if let Some(unknown) =
        wanted.iter().find(|name| !SERIES.iter().any(|series| series.0 == **name))
    {
        let known = SERIES.map(|series| series.0).join(", ");
        return Err(format!("there is no series {unknown}; there are {known}").into());
    }
    fs::create_dir_all(folder)?;
    for (name, table, plots) in SERIES {
        if !wanted.is_empty() && !wanted.contains(&name) {
            continue;
        }
        let table = table()?;
        writeln!(io::stdout(), "{name}\n{table}")?;
        fs::write(folder.join(format!("{name}.tsv")), table.to_string())?;
        for (plot, content) in plots(&table) {
            fs::write(folder.join(format!("{plot}.svg")), content.svg())?;
        }
    }
    Ok(())
}

/// Plans cutouts of 27 chunks, and nothing else.
fn plan(bits: u32, count: usize) -> Result<()> {
    let (array, bbox) = series::planning::cutout(bits, 3)?;
    for _ in 0..count {
        array.read::<u8>(bbox)?;
    }
    Ok(())
}
