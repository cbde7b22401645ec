//! Defaults of options: from the environment, else from a file of the user's.
//!
//! An option that the command line does not give is taken from `BIGARRAYS_` and its name in
//! capitals, else from the table of the command in the file, else from its table `[all]`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory};
use toml::{Table, Value};

use crate::args::Cli;
use crate::error::CliError;

/// The options that may have a default: those that say how, and not what.
const OPTIONS: [&str; 6] = ["memory", "jobs", "compress", "journal", "json", "quiet"];
/// The table for all commands.
const ALL: &str = "all";

/// The command line with the defaults that apply to it.
pub(crate) fn with_defaults(mut line: Vec<OsString>) -> Result<Vec<OsString>, CliError> {
    let command = Cli::command();
    // What is wrong with the line is told by who parses it.
    let Ok(matches) = command.clone().try_get_matches_from(&line) else { return Ok(line) };
    let file = File::read(&command)?;
    let (command, names, levels) = chosen(&command, &matches);
    let mut given = Vec::new();
    for option in command.get_opts().chain(Cli::command().get_opts()) {
        let Some(name) = option.get_long().filter(|name| OPTIONS.contains(name)) else { continue };
        let id = option.get_id().as_str();
        let is_given = levels.iter().any(|matches| {
            matches.try_contains_id(id).unwrap_or(false)
                && matches.value_source(id) == Some(ValueSource::CommandLine)
        });
        if is_given || option.is_hide_set() || given.iter().any(|(other, _)| other == name) {
            continue;
        }
        let variable = format!("BIGARRAYS_{}", name.to_uppercase());
        let value = match env::var(&variable) {
            Ok(value) if !value.is_empty() => Some(value),
            _ => file.value(&names, name)?,
        };
        let Some(value) = value else { continue };
        let words = match option.get_action() {
            ArgAction::SetTrue if value == "true" => format!("--{name}"),
            ArgAction::SetTrue if value == "false" => continue,
            ArgAction::SetTrue => {
                return Err(CliError::usage(format!("{name} is true or false, not {value:?}")));
            }
            _ => format!("--{name}={value}"),
        };
        given.push((name.to_owned(), OsString::from(words)));
    }
    // Before words that are no options whatever they look like.
    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    line.splice(end..end, given.into_iter().map(|(_, words)| words));
    Ok(line)
}

/// The command that a line chose, its names, and what was matched at each level.
fn chosen<'a>(
    command: &'a Command,
    matches: &'a ArgMatches,
) -> (&'a Command, Vec<&'a str>, Vec<&'a ArgMatches>) {
    let (mut command, mut matches) = (command, matches);
    let (mut names, mut levels) = (Vec::new(), vec![matches]);
    while let Some((name, inner)) = matches.subcommand() {
        let Some(found) = command.find_subcommand(name) else { break };
        (command, matches) = (found, inner);
        names.push(name);
        levels.push(inner);
    }
    (command, names, levels)
}

/// The user's file.
#[derive(Debug)]
struct File {
    path: PathBuf,
    tables: Table,
}

impl File {
    /// Reads the file, if there is one, and refuses what means nothing.
    fn read(command: &Command) -> Result<Self, CliError> {
        let Some(path) = place() else {
            return Ok(Self { path: PathBuf::new(), tables: Table::new() });
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(CliError::file("read", &path)(error)),
        };
        let tables: Table = text.parse().map_err(|error: toml::de::Error| {
            CliError::usage(format!("{}: {}", path.display(), error.message()))
        })?;
        for (name, table) in &tables {
            let wrong = |what: String| Err(CliError::usage(format!("{}: {what}", path.display())));
            let Some(table) = table.as_table() else {
                return wrong(format!("{name} stands outside a table such as [{ALL}]"));
            };
            if name != ALL && command.find_subcommand(name).is_none() {
                return wrong(format!("[{name}] is no command, and not [{ALL}]"));
            }
            if let Some(option) = table.keys().find(|option| !OPTIONS.contains(&option.as_str())) {
                let options = OPTIONS.join(", ");
                return wrong(format!(
                    "{option} in [{name}] cannot have a default; these can: {options}"
                ));
            }
        }
        Ok(Self { path, tables })
    }

    fn value(&self, names: &[&str], option: &str) -> Result<Option<String>, CliError> {
        let tables = names.first().into_iter().chain([&ALL]);
        let found = tables.filter_map(|name| self.tables.get(*name)?.get(option)).next();
        match found {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Integer(number)) => Ok(Some(number.to_string())),
            Some(Value::Boolean(truth)) => Ok(Some(truth.to_string())),
            Some(other) => Err(CliError::usage(format!(
                "{}: {option} is a {}, and should be a text, a number, true or false",
                self.path.display(),
                other.type_str(),
            ))),
        }
    }
}

fn place() -> Option<PathBuf> {
    let of = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let file = Path::new("bigarrays").join("config.toml");
    of("BIGARRAYS_CONFIG")
        .or_else(|| Some(of("XDG_CONFIG_HOME")?.join(&file)))
        .or_else(|| Some(of("HOME")?.join(".config").join(&file)))
}
