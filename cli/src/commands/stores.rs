//! `bigarrays stores`: which stores there are, and what each of them promises.

use bigarrays::backends::StoreFacts;
use bigarrays::{OPTIONAL_SCHEMES, Registry, backends};
use serde_json::{Value, json};

use crate::console::Console;
use crate::error::CliError;

/// Where the text of a fact ends at the latest.
const WIDTH: usize = 80;
/// Where it begins.
const INDENT: usize = 18;

pub(crate) fn run(console: Console) -> Result<(), CliError> {
    let stores = backends::stores();
    let absent = absent();
    let facts: Vec<Value> = stores.iter().map(|store| to_json(store)).collect();
    let mut text: Vec<String> = stores.iter().map(|store| paragraph(store)).collect();
    text.push("mem://\n  memory, gone when the process ends".into());
    if !absent.is_empty() {
        let lines = absent.iter().map(|(scheme, feature)| {
            format!("  {:<INDENT$}build with --features {feature}", format!("{scheme}://"))
        });
        text.push(format!("not compiled in\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
    let json = json!({
        "stores": facts,
        "not_compiled_in": absent
            .iter()
            .map(|(scheme, feature)| json!({ "scheme": scheme, "feature": feature }))
            .collect::<Vec<_>>(),
    });
    console.facts(&json, &text.join("\n\n"));
    Ok(())
}

/// The stores that this build lacks: scheme and feature.
fn absent() -> Vec<(&'static str, &'static str)> {
    let registry = Registry::default();
    let known: Vec<&str> = registry.schemes().collect();
    OPTIONAL_SCHEMES.iter().filter(|(scheme, _)| !known.contains(scheme)).copied().collect()
}

fn lines(store: &StoreFacts) -> [(&'static str, &'static str); 6] {
    [
        ("atomic by", store.atomicity),
        ("survives", store.durability),
        ("swaps", store.compare_and_swap),
        ("side by side", store.concurrency),
        ("limits", store.limits),
        ("needs", store.needs),
    ]
}

fn to_json(store: &StoreFacts) -> Value {
    json!({
        "feature": store.feature,
        "schemes": store.schemes,
        "what": store.what,
        "atomicity": store.atomicity,
        "durability": store.durability,
        "compare_and_swap": store.compare_and_swap,
        "concurrency": store.concurrency,
        "limits": store.limits,
        "needs": store.needs,
    })
}

fn paragraph(store: &StoreFacts) -> String {
    let schemes: Vec<String> = store.schemes.iter().map(|scheme| format!("{scheme}://")).collect();
    let mut text = format!("{}\n  {}", schemes.join(", "), store.what);
    for (name, fact) in lines(store) {
        text.push_str(&format!("\n    {name:<width$}", width = INDENT - 4));
        text.push_str(&wrapped(fact));
    }
    text
}

/// Words in lines, the first of which is begun already.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut column = INDENT;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if column > INDENT && column + 1 + len > WIDTH {
            out.push_str(&format!("\n{:INDENT$}", ""));
            column = INDENT;
        }
        if column > INDENT {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_paragraph_fits_eighty_columns_and_names_its_schemes() {
        for store in backends::stores() {
            let text = paragraph(store);
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
            assert!(text.starts_with(&format!("{}://", store.schemes[0])), "{text}");
        }
    }
}
