//! Counts of what was asked and answered, as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;

use crate::app::App;
use crate::fault::Inside;

/// Upper ends of the classes of durations, in seconds, as text and as a duration.
const CLASSES: [(&str, Duration); 11] = [
    ("0.001", Duration::from_millis(1)),
    ("0.0025", Duration::from_micros(2500)),
    ("0.005", Duration::from_millis(5)),
    ("0.01", Duration::from_millis(10)),
    ("0.025", Duration::from_millis(25)),
    ("0.05", Duration::from_millis(50)),
    ("0.1", Duration::from_millis(100)),
    ("0.25", Duration::from_millis(250)),
    ("1", Duration::from_secs(1)),
    ("5", Duration::from_secs(5)),
    ("30", Duration::from_secs(30)),
];

/// Who answers a path. Names and keys are no labels: there are too many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Route {
    Value,
    Cutout,
    Page,
    Own,
    S3,
}

impl Route {
    /// Who answers this path, on the port that is not the gateway's.
    fn of(path: &str) -> Self {
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        match first {
            "v1" if path.ends_with("/cutout") => Self::Cutout,
            "v1" | "health" | "metrics" | "openapi.json" => Self::Own,
            "" | "view" | "neuroglancer" | "favicon.ico" => Self::Page,
            _ => Self::Value,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Cutout => "cutout",
            Self::Page => "page",
            Self::Own => "own",
            Self::S3 => "s3",
        }
    }
}

#[derive(Debug, Default)]
struct Durations {
    classes: [u64; CLASSES.len()],
    count: u64,
    sum: Duration,
}

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(Route, u16), u64>>,
    durations: Mutex<BTreeMap<Route, Durations>>,
    in_flight: AtomicU64,
    sent: AtomicU64,
    connections: AtomicU64,
}

/// Counts one down when it is dropped, however that comes.
struct Leaving<'a>(&'a AtomicU64);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    fn note(&self, route: Route, status: StatusCode, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route, status.as_u16())).or_default() += 1;
        drop(requests);
        let mut durations = self.durations.lock().unwrap_or_else(PoisonError::into_inner);
        let durations = durations.entry(route).or_default();
        for (count, (_, end)) in durations.classes.iter_mut().zip(CLASSES) {
            *count += u64::from(took <= end);
        }
        durations.count += 1;
        durations.sum += took;
    }

    /// All of it in Prometheus' text format.
    pub(crate) fn text(&self, cache: Option<(u64, u64)>) -> String {
        let mut text = String::new();
        let head = |text: &mut String, name: &str, kind: &str, help: &str| {
            line(
                text,
                format_args!("# HELP bigarrays_{name} {help}\n# TYPE bigarrays_{name} {kind}"),
            );
        };
        head(&mut text, "requests_total", "counter", "Requests that were answered.");
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for ((route, status), count) in &*requests {
            let route = route.name();
            line(
                &mut text,
                format_args!(
                    "bigarrays_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}"
                ),
            );
        }
        drop(requests);
        let help = "Time from the head of a request to the head of its answer.";
        head(&mut text, "request_duration_seconds", "histogram", help);
        let durations = self.durations.lock().unwrap_or_else(PoisonError::into_inner);
        for (route, durations) in &*durations {
            let (route, name) = (route.name(), "bigarrays_request_duration_seconds");
            for (count, (end, _)) in durations.classes.iter().zip(CLASSES) {
                line(
                    &mut text,
                    format_args!("{name}_bucket{{route=\"{route}\",le=\"{end}\"}} {count}"),
                );
            }
            let Durations { count, sum, .. } = durations;
            line(&mut text, format_args!("{name}_bucket{{route=\"{route}\",le=\"+Inf\"}} {count}"));
            line(&mut text, format_args!("{name}_sum{{route=\"{route}\"}} {}", sum.as_secs_f64()));
            line(&mut text, format_args!("{name}_count{{route=\"{route}\"}} {count}"));
        }
        drop(durations);
        let mut one = |name: &str, kind: &str, help: &str, value: u64| {
            head(&mut text, name, kind, help);
            line(&mut text, format_args!("bigarrays_{name} {value}"));
        };
        let (sent, connections) = (self.sent.load(Relaxed), self.connections.load(Relaxed));
        one(
            "requests_in_flight",
            "gauge",
            "Requests whose answer has not begun.",
            self.in_flight.load(Relaxed),
        );
        one("sent_bytes_total", "counter", "Bytes of bodies that were sent.", sent);
        one("connections_total", "counter", "Connections that were accepted.", connections);
        if let Some((hits, misses)) = cache {
            one("cache_hits_total", "counter", "Values that were in the cache.", hits);
            one("cache_misses_total", "counter", "Values that were not.", misses);
        }
        text
    }
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{what}");
}

/// Counts what passes, and tells the log what failed inside.
pub(crate) async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = Route::of(request.uri().path());
    counted(app, route, request, next).await
}

/// The same for the gateway.
pub(crate) async fn count_s3(State(app): State<App>, request: Request, next: Next) -> Response {
    counted(app, Route::S3, request, next).await
}

async fn counted(app: App, route: Route, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    app.metrics.in_flight.fetch_add(1, Relaxed);
    let leaving = Leaving(&app.metrics.in_flight);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next.run(request).await;
    drop(leaving);
    app.metrics.note(route, response.status(), begun.elapsed());
    if let Some(Inside(story)) = response.extensions().get() {
        let what = format!("{method} {}: {}: {story}", uri.path(), response.status());
        app.options.log.tell(&what);
    }
    let counting = App::clone(&app);
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let len = frame.data_ref().map_or(0, Bytes::len);
            counting.metrics.sent.fetch_add(len as u64, Relaxed);
            frame
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_counted_by_who_answers_them() {
        for (path, route) in [
            ("/em/8_8_40/0-64_0-64_0-64", Route::Value),
            ("/v1/em/cutout", Route::Cutout),
            ("/v1/volumes", Route::Own),
            ("/", Route::Page),
            ("/view/main.js", Route::Page),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }

    #[test]
    fn durations_fall_into_all_classes_above_them() {
        let metrics = Metrics::default();
        metrics.note(Route::Value, StatusCode::OK, Duration::from_millis(3));
        metrics.note(Route::Value, StatusCode::NOT_FOUND, Duration::from_secs(60));
        let text = metrics.text(Some((5, 6)));
        for line in [
            "bigarrays_requests_total{route=\"value\",status=\"200\"} 1",
            "bigarrays_requests_total{route=\"value\",status=\"404\"} 1",
            "bigarrays_request_duration_seconds_bucket{route=\"value\",le=\"0.0025\"} 0",
            "bigarrays_request_duration_seconds_bucket{route=\"value\",le=\"0.005\"} 1",
            "bigarrays_request_duration_seconds_bucket{route=\"value\",le=\"30\"} 1",
            "bigarrays_request_duration_seconds_bucket{route=\"value\",le=\"+Inf\"} 2",
            "bigarrays_request_duration_seconds_count{route=\"value\"} 2",
            "bigarrays_cache_hits_total 5",
        ] {
            assert!(text.lines().any(|said| said == line), "{line} in\n{text}");
        }
    }
}
