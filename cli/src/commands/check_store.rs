//! `bigarrays check-store`: the conformance suite on a store of the user's.

use std::env;
use std::process::Command;

use bigarrays::backend::{
    BackendError, BackendResult, Capabilities, ConditionalPut, ErrorKind, Operation,
};
use bigarrays::conformance::{CaseResult, Job, Outcome, Report, Suite};
use bigarrays::{Access, DynBackend, OpenError, Registry, StoreUrl};
use serde_json::{Value, json};

use crate::args::CheckStoreArgs;
use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::volume;

pub(crate) fn run(args: &CheckStoreArgs, console: Console) -> Result<(), CliError> {
    let url = StoreUrl::parse(&args.url).map_err(OpenError::from)?;
    if let Some(job) = Job::from_env() {
        // The suite started this process on the store that it checks.
        return job.run(&open(&url)?).map_err(CliError::Refused);
    }
    let store = open(&url)?;
    let can = store.capabilities();
    if !can.writable {
        return Err(CliError::refused(format!(
            "{store} is read-only: the suite has to write what it reads back"
        )));
    }
    console.note(&format!("checking {store}; everything is removed at the end"));
    let hold = interrupt::hold();
    let report = suite(args, &url).stop_when(interrupt::has_come).run();
    drop(hold);
    interrupt::check()?;
    console.facts(&facts(&args.url.to_string(), can, &report), &text(can, &report));
    match report.failed().as_slice() {
        [] => Ok(()),
        failed => Err(CliError::refused(format!(
            "do not trust data to {}: it does not keep {}",
            args.url,
            failed.join(", ")
        ))),
    }
}

fn suite<'a>(args: &'a CheckStoreArgs, url: &'a StoreUrl) -> Suite<'a> {
    let reopen = move || -> BackendResult<DynBackend> {
        open(url).map_err(|error| match error {
            OpenError::Array(bigarrays::Error::Backend(error)) => error,
            error => {
                BackendError::new(ErrorKind::InvalidConfig, url, Operation::Open).with_source(error)
            }
        })
    };
    let mut suite = Suite::new(reopen);
    if !volume::is_volatile(&args.url) {
        suite = suite.persistent();
    }
    if is_shared(url)
        && let Ok(program) = env::current_exe()
    {
        suite = suite.processes(move || {
            let mut command = Command::new(&program);
            command.arg("check-store").arg(&*args.url);
            command
        });
    }
    if !args.only.is_empty() {
        let only: Vec<&str> = args.only.iter().map(String::as_str).collect();
        suite = suite.only(&only);
    }
    suite
}

/// Whether several processes may write into such a store at once.
fn is_shared(url: &StoreUrl) -> bool {
    !["mem", "rocksdb"].contains(&url.scheme())
}

/// The store, made if it does not exist.
fn open(url: &StoreUrl) -> Result<DynBackend, OpenError> {
    Registry::default().open_store(url, Access::Create)
}

const fn conditions(puts: ConditionalPut) -> &'static str {
    match puts {
        ConditionalPut::Unsupported => "none",
        ConditionalPut::CreateOnly => "create only",
        ConditionalPut::CompareAndSwap => "compare and swap",
    }
}

fn requests(count: usize) -> String {
    if count == usize::MAX { "any number of".to_owned() } else { count.to_string() }
}

fn declared(can: Capabilities) -> Value {
    json!({
        "io": format!("{:?}", can.io),
        "concurrency": requests(can.concurrency.get()),
        "listable": can.listable,
        "range_reads": can.range_reads,
        "conditional_put": conditions(can.conditional_put),
        "conditional_delete": can.conditional_delete,
        "max_value_len": can.max_value_len,
    })
}

fn facts(url: &str, can: Capabilities, report: &Report) -> Value {
    let case = |case: &CaseResult| {
        let (outcome, why) = match &case.outcome {
            Outcome::Passed => ("passed", None),
            Outcome::Failed(why) => ("failed", Some(why)),
            Outcome::Skipped(why) => ("skipped", Some(why)),
        };
        let millis = u64::try_from(case.elapsed.as_millis()).unwrap_or(u64::MAX);
        json!({
            "id": case.id, "name": case.name, "outcome": outcome, "why": why,
            "notes": case.notes, "milliseconds": millis,
        })
    };
    json!({
        "url": url,
        "declared": declared(can),
        "cases": report.cases().iter().map(case).collect::<Vec<_>>(),
        "failed": report.failed(),
    })
}

fn text(can: Capabilities, report: &Report) -> String {
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    format!(
        "declared: conditional puts {}, conditional deletes {}, listing {}, ranges {}, {} \
         requests at once\n{report}",
        conditions(can.conditional_put),
        yes(can.conditional_delete),
        yes(can.listable),
        yes(can.range_reads),
        requests(can.concurrency.get()),
    )
}
