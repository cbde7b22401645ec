//! `bigarrays verify`: looks for damage in all that is stored of a volume.

mod journal;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bigarrays::BigArray;
use bigarrays::StoreUrl;
use bigarrays::array::{Checkpoint, Finding, VerifyOptions, VerifyReport, VerifyWatch};
use serde_json::{Value, json};

use self::journal::Journal;
use crate::args::VerifyArgs;
use crate::console::{Bar, Console};
use crate::error::CliError;
use crate::values;
use crate::volume;

pub(crate) fn run(args: &VerifyArgs, console: Console) -> Result<(), CliError> {
    if StoreUrl::parse(&args.url).is_ok_and(|url| url.parameter("cache").is_some()) {
        return Err(CliError::usage(
            "with ?cache= what is kept in the folder would be checked, and not the store; leave it out",
        ));
    }
    let options = VerifyOptions { deep: args.deep, expect_complete: args.expect_complete };
    let scales = open(args)?;
    let mut journal = match &args.resume {
        Some(path) => Some(Journal::open(path, &args.url.to_string(), options, &scales, console)?),
        None => None,
    };
    let mut reports = Vec::new();
    for (index, array) in scales.iter().enumerate() {
        let (done, from) = journal.as_ref().map(|journal| journal.of(index)).unwrap_or_default();
        let report = match done {
            Some(report) => report,
            None => {
                let (report, back) = check(array, options, from, journal.take(), console)?;
                journal = back;
                if let Some(journal) = &mut journal {
                    journal.finish(&report)?;
                }
                report
            }
        };
        console.note(&summary(array, &report, options));
        reports.push(report);
    }
    if let Some(journal) = journal {
        journal.remove()?;
    }
    tell(args, &scales, &reports, console)
}

/// The scales to check.
fn open(args: &VerifyArgs) -> Result<Vec<BigArray>, CliError> {
    let memory = usize::try_from(args.memory.0).unwrap_or(usize::MAX);
    let scale = values::scale(args.scale.as_deref().filter(|scale| *scale != "all"));
    let options = volume::reader().array(move |array| array.scale(scale.clone()).memory(memory));
    let first = options.open(&args.url)?;
    if args.scale.as_deref().is_some_and(|scale| scale != "all") {
        return Ok(vec![first]);
    }
    let all = 0..first.scales().len();
    Ok(all.map(|index| first.at_scale(index)).collect::<Result<_, _>>()?)
}

/// Checks one scale. Gives the journal back.
fn check(
    array: &BigArray,
    options: VerifyOptions,
    from: Option<Checkpoint>,
    journal: Option<Journal>,
    console: Console,
) -> Result<(VerifyReport, Option<Journal>), CliError> {
    let unit = if array.shards().is_some() { "shards" } else { "chunks" };
    let watch =
        Watch { bar: console.bar_of("verifying", unit, 0), journal: Mutex::new((journal, None)) };
    let report = array.verify(options, from, &watch);
    let (journal, failure) = watch.journal.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = failure {
        return Err(failure);
    }
    match report {
        Ok(report) => Ok((report, journal)),
        Err(error) => {
            // The error itself is what matters now.
            if let Some(mut journal) = journal
                && journal.write().is_ok()
            {
                console.note(
                    "what was verified is in the journal; the same command goes on from there",
                );
            }
            Err(error.into())
        }
    }
}

/// Shows how a check comes along, and keeps its journal.
struct Watch {
    bar: Arc<Bar>,
    journal: Mutex<(Option<Journal>, Option<CliError>)>,
}

impl Watch {
    fn journal(&self) -> MutexGuard<'_, (Option<Journal>, Option<CliError>)> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VerifyWatch for Watch {
    fn begin(&self, values: u64) {
        self.bar.begin(values);
    }

    fn advance(&self, values: u64) {
        self.bar.advance_by(values);
    }

    fn checkpoint(&self, at: &Checkpoint) -> ControlFlow<()> {
        let mut state = self.journal();
        let Some(journal) = &mut state.0 else { return ControlFlow::Continue(()) };
        match journal.keep(at) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                state.1 = Some(failure);
                ControlFlow::Break(())
            }
        }
    }
}

/// What was found in a scale, in a line.
fn summary(array: &BigArray, report: &VerifyReport, options: VerifyOptions) -> String {
    let VerifyReport { grid, stored, missing, shards, bytes, foreign, .. } = report;
    let mut line = format!("{}: {stored} of {grid} chunks are stored", array.scale().key);
    if *missing > 0 {
        line.push_str(&format!(", {missing} are missing"));
    }
    if array.shards().is_some() && report.is_listed {
        line.push_str(&format!(", in {shards} shards"));
    }
    if options.deep {
        line.push_str(&format!("; {} read", volume::bytes(u128::from(*bytes))));
    }
    if *foreign > 0 {
        let example = report.foreign_keys.first();
        let example = example.map_or(String::new(), |key| format!(" (such as {key})"));
        line.push_str(&format!("; {foreign} other keys were left aside{example}"));
    }
    if !report.is_listed {
        line.push_str("; the store cannot list, so names were not checked");
    }
    line.push_str(&format!("; {} bad", report.bad.len()));
    line
}

fn tell(
    args: &VerifyArgs,
    scales: &[BigArray],
    reports: &[VerifyReport],
    console: Console,
) -> Result<(), CliError> {
    let facts: Vec<Value> = scales
        .iter()
        .zip(reports)
        .map(|(array, report)| {
            let mut facts = facts(report);
            facts["key"] = json!(array.scale().key);
            facts["index"] = json!(array.scale_index());
            facts
        })
        .collect();
    let facts = json!({
        "url": args.url.to_string(),
        "deep": args.deep,
        "ok": reports.iter().all(|report| report.bad.is_empty()),
        "scales": facts,
    });
    let bad: Vec<&Finding> = reports.iter().flat_map(|report| &report.bad).collect();
    let lines: Vec<String> =
        bad.iter().map(|finding| format!("{}\t{}", finding.key, finding.what)).collect();
    if console.is_json() || !lines.is_empty() {
        console.facts(&facts, &lines.join("\n"));
    }
    match bad.len() {
        0 => Ok(()),
        count => {
            let how = if args.deep { "" } else { "; --deep reads and decodes the others, too" };
            Err(CliError::refused(format!("{count} things are wrong in {}{how}", args.url)))
        }
    }
}

/// A report as JSON.
fn facts(report: &VerifyReport) -> Value {
    let foreign: Vec<&str> = report.foreign_keys.iter().map(bigarrays::Key::as_str).collect();
    json!({
        "listed": report.is_listed,
        "grid": report.grid,
        "stored": report.stored,
        "missing": report.missing,
        "shards": report.shards,
        "bytes_read": report.bytes,
        "foreign": report.foreign,
        "foreign_keys": foreign,
        "bad": findings(&report.bad),
    })
}

fn findings(bad: &[Finding]) -> Vec<Value> {
    bad.iter().map(|finding| json!({ "key": finding.key.as_str(), "what": finding.what })).collect()
}
