//! `--config run.toml`: options from a file, as if they had been typed.
//!
//! ```toml
//! model = "gru"        # for every command that has the option
//! epochs = 20
//! [forecast]           # for one command alone
//! horizon = 48
//! plot = "load.svg"
//! ```
//!
//! A key is the long name of an option, with - or _; `file` is the input. Lists are joined by commas, `true` is an option without a
//! value. What is typed on the command line goes first. Paths are those of the working folder, as typed ones are.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};
use toml::{Table, Value};

use super::args::Cli;
use crate::error::{Error, Result};

/// A key and its value.
type Entry<'t> = (&'t String, &'t Value);

/// The arguments with those of the file that they name, if any.
///
/// # Errors
/// If the file cannot be read, is no TOML, or has a key that is no option.
pub(super) fn expand(given: Vec<OsString>) -> Result<Vec<OsString>> {
    let Some(path) = path_of(&given) else { return Ok(given) };
    let mut all = Cli::command();
    all.build();
    // What is typed, whether or not it is enough.
    let typed = Cli::command().ignore_errors(true).try_get_matches_from(&given);
    let typed = typed.ok().and_then(|mut typed| typed.remove_subcommand());
    let Some((name, typed)) = typed else { return Ok(given) };
    let Some(command) = all.find_subcommand(&name) else { return Ok(given) };
    let path = Path::new(&path);
    let text = fs::read_to_string(path)
        .map_err(|error| Error::io(format!("cannot be read: {error}")).at(path.display().to_string()))?;
    let located = |error: Error| error.at(path.display().to_string());
    let options = options(&text, command, &all, &typed).map_err(located)?;
    Ok(given.into_iter().chain(options.into_iter().map(OsString::from)).collect())
}

/// What follows `--config`.
fn path_of(given: &[OsString]) -> Option<OsString> {
    let at = |(number, word): (usize, &OsString)| match word.to_str()?.strip_prefix("--config")? {
        "" => given.get(number + 1).cloned(),
        value => value.strip_prefix('=').map(OsString::from),
    };
    given.iter().enumerate().find_map(at)
}

/// The options of a text for a command, without those that are typed.
fn options(text: &str, command: &Command, all: &Command, typed: &ArgMatches) -> Result<Vec<String>> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        Error::usage(format!("no TOML: {}", error.to_string().trim())).hint("write key = value, texts in quotes")
    })?;
    // A key of the command's own table goes before one for all commands.
    let (mut own, mut of_all): (Vec<Entry<'_>>, Vec<Entry<'_>>) = Default::default();
    for (key, value) in &table {
        match value {
            Value::Table(of_command) if key == command.get_name() => own.extend(of_command),
            Value::Table(_) if all.find_subcommand(key).is_some() => {}
            Value::Table(_) => {
                let names: Vec<&str> = all.get_subcommands().map(Command::get_name).collect();
                return Err(Error::usage(format!("[{key}] is no command")).expected(names.join(", ")));
            }
            _ if is_of_another(key, command, all) => {}
            _ => of_all.push((key, value)),
        }
    }
    let mut seen: Vec<String> = Vec::new();
    let mut options = Vec::new();
    for (key, value) in own.into_iter().chain(of_all) {
        let option = find(command, key).ok_or_else(|| unknown(key, command))?;
        let name = option.get_id().to_string();
        let is_typed = typed.value_source(&name) == Some(ValueSource::CommandLine);
        if is_typed || seen.contains(&name) {
            continue;
        }
        seen.push(name);
        spell(option, key, value, &mut options)?;
    }
    Ok(options)
}

/// The option that a key names.
fn find<'c>(command: &'c Command, key: &str) -> Option<&'c Arg> {
    let name = key.replace('_', "-");
    let is_named = |option: &&Arg| match option.get_long() {
        Some(long) => long == name && !matches!(long, "config" | "help" | "version"),
        None => option.is_positional() && option.get_id() == key,
    };
    command.get_arguments().find(is_named)
}

/// Whether a key is no option of this command, but of another.
fn is_of_another(key: &str, command: &Command, all: &Command) -> bool {
    find(command, key).is_none() && all.get_subcommands().any(|other| find(other, key).is_some())
}

fn unknown(key: &str, command: &Command) -> Error {
    Error::usage(format!("`{key}` is no option of foretoken {}", command.get_name()))
        .expected("the long name of an option, without its dashes")
        .hint(format!("foretoken {} --help lists them", command.get_name()))
}

/// An option as it is typed.
fn spell(option: &Arg, key: &str, value: &Value, out: &mut Vec<String>) -> Result<()> {
    let takes_value = !matches!(option.get_action(), ArgAction::SetTrue | ArgAction::SetFalse);
    let text = match (value, takes_value) {
        (Value::Boolean(true), false) => None,
        (Value::Boolean(false), false) => return Ok(()),
        (_, false) => return Err(Error::usage(format!("`{key}` takes no value")).expected("true or false")),
        (Value::Array(values), true) => {
            let texts = values.iter().map(|value| text_of(key, value)).collect::<Result<Vec<_>>>()?;
            Some(texts.join(","))
        }
        (value, true) => Some(text_of(key, value)?),
    };
    match (option.get_long(), text) {
        (Some(long), Some(text)) => out.push(format!("--{long}={text}")),
        (Some(long), None) => out.push(format!("--{long}")),
        (None, Some(text)) => out.push(text),
        (None, None) => {}
    }
    Ok(())
}

fn text_of(key: &str, value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Datetime(time) => Ok(time.to_string()),
        Value::Boolean(_) | Value::Array(_) | Value::Table(_) => {
            Err(Error::usage(format!("`{key}` is a value of the kind {}", value.type_str()))
                .expected("a text, a number, or a list of them"))
        }
    }
}
