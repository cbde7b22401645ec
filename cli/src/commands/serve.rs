//! `bigarrays serve`: volumes over HTTP.

use std::time::Duration;

use bigarrays::OpenOptions;
use bigarrays_server::{
    Cors, Credentials, Limits, Log, Options, S3Options, ServeError, Served, Server, TlsFiles,
    Tokens, default_name,
};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::args::{CorsArg, ServeArgs, ServedArg};
use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;

/// Threads for calls of stores that block.
const BLOCKING: usize = 64;
/// How often it is asked whether a signal came.
const GLANCE: Duration = Duration::from_millis(50);
/// Where keys of the gateway are looked for.
const ACCESS_KEY: &str = "BIGARRAYS_S3_ACCESS_KEY";
const SECRET_KEY: &str = "BIGARRAYS_S3_SECRET_KEY";

pub(crate) fn run(args: &ServeArgs, console: Console) -> Result<(), CliError> {
    let options = options(args, console)?;
    let served = open(&args.served, args.writable)?;
    let names: Vec<String> = served.iter().map(|served| served.name().to_owned()).collect();
    host(served, options, async |server| {
        let addresses = server.addresses();
        let scheme = if args.tls.is_some() { "https" } else { "http" };
        let place = format!("{scheme}://{}", addresses.bind);
        let gateway = addresses.s3.map(|address| format!("{scheme}://{address}"));
        let mut text = format!("serving on {place}");
        for name in &names {
            text.push_str(&format!("\n  precomputed://{place}/{name}"));
        }
        text.push_str(&format!("\nlook at them: {place}/view/"));
        if let Some(gateway) = &gateway {
            text.push_str(&format!("\nthe S3 gateway is {gateway}"));
        }
        let facts = json!({ "url": place, "s3": gateway, "names": names });
        console.facts(&facts, &text);
        Ok(())
    })
}

/// Answers until a signal comes. First it is told that the server listens.
pub(super) fn host(
    served: Vec<Served>,
    options: Options,
    listens: impl AsyncFnOnce(&Server) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let runtime = runtime()?;
    let _hold = interrupt::hold();
    runtime.block_on(async {
        let server = Server::bind(served, options).await?;
        listens(&server).await?;
        server.run(signal()).await;
        Ok(())
    })
}

/// Is done when a signal came.
async fn signal() {
    while !interrupt::has_come() {
        tokio::time::sleep(GLANCE).await;
    }
}

/// Twice as many threads answer as there are processors: half of them may read quick stores.
fn runtime() -> Result<Runtime, CliError> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(processors.saturating_mul(2)).max_blocking_threads(BLOCKING);
    let runtime = builder.enable_all().build();
    Ok(runtime.map_err(ServeError::from)?)
}

/// Opens the stores that are to be served.
pub(super) fn open(served: &[ServedArg], writable: bool) -> Result<Vec<Served>, CliError> {
    let served = served.iter().map(|served| {
        let options = OpenOptions::new();
        let options = if writable { options } else { options.read_only() };
        let store = options.open_store(&served.url)?;
        let name = served.name.clone().unwrap_or_else(|| default_name(&served.url));
        Ok(Served::new(&name, store).map_err(ServeError::from)?)
    });
    served.collect()
}

fn options(args: &ServeArgs, console: Console) -> Result<Options, CliError> {
    let cors = match &args.cors {
        CorsArg::Any => Cors::Any,
        CorsArg::None => Cors::None,
        CorsArg::Origin(origin) => Cors::Origin(
            origin.parse().map_err(|_| CliError::usage("--cors needs an origin, * or none"))?,
        ),
    };
    if args.timeout.0.is_zero() {
        return Err(CliError::usage("--timeout needs a second or more"));
    }
    let tls = args.tls.clone();
    Ok(Options {
        bind: args.bind,
        tokens: args.token_file.as_deref().map(Tokens::read).transpose()?,
        cors,
        neuroglancer: args.neuroglancer.clone().map(|page| page.0),
        tls: tls.map(|tls| TlsFiles { certificate: tls.certificate, key: tls.key }),
        cache: args.cache.0,
        max_age: args.max_age.0,
        writable: args.writable,
        s3: args.s3.then(|| gateway(args)).transpose()?,
        limits: Limits {
            memory: args.memory.0,
            cutout: args.max_cutout.0,
            request: args.max_request.0,
            timeout: args.timeout.0,
            connections: args.connections.get(),
        },
        log: Log::new(move |line| console.note(line)),
    })
}

fn gateway(args: &ServeArgs) -> Result<S3Options, CliError> {
    let credentials = match &args.s3_credentials {
        Some(path) => Credentials::read(path)?,
        None => {
            let (key, secret) = (std::env::var(ACCESS_KEY), std::env::var(SECRET_KEY));
            match (key, secret) {
                (Ok(key), Ok(secret)) if !key.is_empty() && !secret.is_empty() => {
                    Credentials::one(&key, &secret)
                }
                _ => return Err(ServeError::NoCredentials.into()),
            }
        }
    };
    Ok(S3Options { bind: args.s3_bind, credentials })
}
