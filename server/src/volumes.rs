//! What is served: as JSON, and as a page for people.

use std::fmt::Write;

use axum::Json;
use axum::extract::State;
use axum::response::Html;
use bigarrays::Prefix;
use bigarrays_formats::facts;
use serde_json::{Value, json};

use crate::app::App;
use crate::fault::Fault;
use crate::served::Served;

/// `GET /v1/volumes`.
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Value>, Fault> {
    let mut volumes = Vec::new();
    for served in app.shelf.all() {
        for place in &*app.shelf.volumes(served).await? {
            volumes.push(volume(&app, served, place).await);
        }
    }
    let names: Vec<Value> = app.shelf.all().map(|served| json!({ "name": served.name })).collect();
    Ok(Json(json!({ "names": names, "volumes": volumes })))
}

/// What is said of a volume. One that cannot be opened is listed with the reason, so that the
/// others are still found.
async fn volume(app: &App, served: &Served, place: &Prefix) -> Value {
    let name = path(served, place);
    let root = place.as_str().trim_end_matches('/');
    match app.shelf.open(&served.name, None, root, None).await {
        Ok(array) => {
            let info = array.info();
            let scales: Vec<Value> =
                info.scales.iter().map(|scale| facts::scale(scale).into()).collect();
            let more = json!({ "name": name, "path": format!("/{name}"), "scales": scales });
            facts::with(facts::volume(info), more)
        }
        Err(fault) => json!({
            "name": name,
            "path": format!("/{name}"),
            "error": fault.message(),
        }),
    }
}

/// The name of a volume: that of its store, and its place in it.
pub(crate) fn path(served: &Served, place: &Prefix) -> String {
    let name = &served.name;
    match place.as_str().trim_end_matches('/') {
        "" => name.clone(),
        place => format!("{name}/{place}"),
    }
}

/// `GET /`, and the path of a name: which volumes there are, and how they are opened.
pub(crate) async fn page(State(app): State<App>) -> Result<Html<String>, Fault> {
    let mut rows = String::new();
    for served in app.shelf.all() {
        let mut found = false;
        for place in &*app.shelf.volumes(served).await? {
            found = true;
            let path = escaped(&path(served, place));
            let _ =
                writeln!(rows, "<tr><td><code>{path}</code><td><a href=\"/{path}/info\">info</a>");
        }
        if !found {
            let name = escaped(&served.name);
            let _ = writeln!(rows, "<tr><td><code>{name}</code><td>no volume found");
        }
    }
    Ok(Html(format!(
        "<!doctype html>\n<html lang=en><meta charset=utf-8>\n<title>bigarrays</title>\n\
         <h1>Volumes</h1>\n<table>\n{rows}</table>\n\
         <p>Open one as <code>precomputed://http://THIS-HOST/NAME</code> in neuroglancer or \
         CloudVolume, or in the <a href=\"/view/\">viewer</a>.\n\
         <p><a href=\"/v1/volumes\">as JSON</a>, <a href=\"/openapi.json\">the interface</a>\n"
    )))
}

/// Text in a page: names of volumes are what somebody called a folder.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
