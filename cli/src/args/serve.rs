//! What `serve` and `view` take.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::values::{Age, ByteCount, Url};

/// What is served, and how.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// A volume or a place above volumes, and its name if it is not to be its last part.
    #[arg(required = true, value_name = "URL[=NAME]")]
    pub(crate) served: Vec<ServedArg>,
    /// Where to listen. Port 0 is any that is free; what it is is printed.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) bind: SocketAddr,
    /// A file of tokens, one a line, of which a reader needs one (Authorization: Bearer TOKEN, or
    /// the password of Basic) [default: everybody may read].
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Which pages of other origins may read: all (*), those of one, or none.
    #[arg(long, value_name = "ORIGIN|*|none", default_value = "*")]
    pub(crate) cors: CorsArg,
    /// The neuroglancer client that the viewer's button opens [default: that of this build, else
    /// the public one].
    #[arg(long, value_name = "URL")]
    pub(crate) neuroglancer: Option<PageArg>,
    /// Encrypt with this certificate and key, both PEM, on all ports.
    #[arg(long, value_name = "CERT,KEY")]
    pub(crate) tls: Option<TlsArg>,
    /// Keep so many bytes of values in memory: bytes, or with K, M, G.
    #[arg(long, value_name = "BYTES", default_value = "0")]
    pub(crate) cache: ByteCount,
    /// For how long browsers and proxies may keep a chunk without asking again.
    #[arg(long, value_name = "TIME", default_value = "60")]
    pub(crate) max_age: Age,
    /// Values and cutouts in memory for all requests together; more wait.
    #[arg(long, value_name = "BYTES", default_value = "512M")]
    pub(crate) memory: ByteCount,
    /// The largest cutout, in bytes of voxels.
    #[arg(long, value_name = "BYTES", default_value = "256M")]
    pub(crate) max_cutout: ByteCount,
    /// The largest object that the gateway takes, in all its parts.
    #[arg(long, value_name = "BYTES", default_value = "1G")]
    pub(crate) max_request: ByteCount,
    /// For how long a request may take, and a connection stand still.
    #[arg(long, value_name = "TIME", default_value = "60")]
    pub(crate) timeout: Age,
    /// Connections at once; more wait.
    #[arg(long, value_name = "N", default_value = "1024")]
    pub(crate) connections: std::num::NonZeroUsize,
    /// Be an S3 gateway, too.
    #[arg(long)]
    pub(crate) s3: bool,
    /// Where the gateway listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000", requires = "s3")]
    pub(crate) s3_bind: SocketAddr,
    /// A file of access keys and their secrets, a line `KEY SECRET` each
    /// [default: BIGARRAYS_S3_ACCESS_KEY and BIGARRAYS_S3_SECRET_KEY].
    #[arg(long, value_name = "FILE", requires = "s3")]
    pub(crate) s3_credentials: Option<PathBuf>,
    /// Let the gateway write.
    #[arg(long, requires = "s3")]
    pub(crate) writable: bool,
}

/// What is looked at, and how.
#[derive(Debug, Args)]
pub(crate) struct ViewArgs {
    /// A volume or a place above volumes, and its name if it is not to be its last part.
    #[arg(required = true, value_name = "URL[=NAME]")]
    pub(crate) served: Vec<ServedArg>,
    /// Only print the address of the page.
    #[arg(long)]
    pub(crate) no_open: bool,
    /// Where to listen. Port 0 is any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) bind: SocketAddr,
    /// The neuroglancer client that the page's button opens [default: that of this build, else
    /// the public one].
    #[arg(long, value_name = "URL")]
    pub(crate) neuroglancer: Option<PageArg>,
    /// Keep so many bytes of values in memory: bytes, or with K, M, G.
    #[arg(long, value_name = "BYTES", default_value = "256M")]
    pub(crate) cache: ByteCount,
}

/// The address of a page of the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageArg(pub(crate) String);

impl PageArg {
    /// Scheme, host and port, as browsers say who asks.
    pub(crate) fn origin(page: &str) -> Option<String> {
        let (scheme, rest) = page.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
        Some(format!("{scheme}://{host}"))
    }
}

impl FromStr for PageArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        match is_web && Self::origin(text).is_some() && !text.contains('#') {
            true => Ok(Self(text.to_owned())),
            false => Err("an address like https://neuroglancer-demo.appspot.com/ is needed"),
        }
    }
}

/// `URL` or `URL=NAME`.
#[derive(Debug, Clone)]
pub(crate) struct ServedArg {
    pub(crate) url: Url,
    pub(crate) name: Option<String>,
}

impl FromStr for ServedArg {
    type Err = std::convert::Infallible;

    /// Behind the last `=` stands a name, unless that `=` belongs to a parameter.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parameter = text.rsplit_once(['?', '&']).map_or("", |(_, parameter)| parameter);
        let is_query = text.contains('?');
        let of_name = if is_query { parameter.matches('=').count() > 1 } else { true };
        let split = text.rsplit_once('=').filter(|(_, name)| of_name && !name.contains('/'));
        let (url, name) = match split {
            Some((url, name)) => (url, Some(name.to_owned())),
            None => (text, None),
        };
        let Ok(url) = url.parse::<Url>();
        Ok(Self { url, name })
    }
}

/// An origin, all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CorsArg {
    Any,
    None,
    Origin(String),
}

impl FromStr for CorsArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "*" => Ok(Self::Any),
            "none" => Ok(Self::None),
            origin if origin.contains("://") && !origin.ends_with('/') => {
                Ok(Self::Origin(origin.to_owned()))
            }
            _ => {
                Err("an origin like https://neuroglancer-demo.appspot.com, * or none is needed"
                    .into())
            }
        }
    }
}

/// Two files.
#[derive(Debug, Clone)]
pub(crate) struct TlsArg {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl FromStr for TlsArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "two files are needed, as in cert.pem,key.pem".to_owned();
        let (certificate, key) = text.split_once(',').ok_or_else(wrong)?;
        Ok(Self { certificate: certificate.into(), key: key.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_behind_the_last_equals_sign_that_no_parameter_has() {
        let parse = |text: &str| {
            let Ok(arg) = text.parse::<ServedArg>();
            ((*arg.url).to_owned(), arg.name)
        };
        let named = |url: &str, name: &str| (url.to_owned(), Some(name.to_owned()));
        assert_eq!(parse("/data/em=brain"), named("/data/em", "brain"));
        assert_eq!(parse("/data/em"), ("/data/em".to_owned(), None));
        assert_eq!(parse("/data/a=b/em"), ("/data/a=b/em".to_owned(), None));
        let one = "sqlite:///b.db?prefix=t1";
        assert_eq!(parse(one), (one.to_owned(), None));
        assert_eq!(parse("sqlite:///b.db?prefix=t1=em"), named(one, "em"));
        let two = "s3://b/p?region=x&anonymous=true";
        assert_eq!(parse(two), (two.to_owned(), None));
        assert_eq!(parse(&format!("{two}=em")), named(two, "em"));
    }

    #[test]
    fn pages_are_of_the_web_and_have_an_origin() {
        for (page, origin) in [
            ("https://ng.example/", "https://ng.example"),
            ("http://127.0.0.1:8000/v/1?x", "http://127.0.0.1:8000"),
        ] {
            assert_eq!(page.parse(), Ok(PageArg(page.to_owned())));
            assert_eq!(PageArg::origin(page).as_deref(), Some(origin));
        }
        for text in ["ng.example", "file:///x", "https://", "https:///x", "https://x/#!{}"] {
            assert!(text.parse::<PageArg>().is_err(), "{text}");
        }
    }

    #[test]
    fn origins_have_a_scheme_and_no_path() {
        assert_eq!("*".parse(), Ok(CorsArg::Any));
        assert_eq!("none".parse(), Ok(CorsArg::None));
        assert!("https://x.org:80".parse::<CorsArg>().is_ok());
        assert!(
            "x.org".parse::<CorsArg>().is_err() && "https://x.org/".parse::<CorsArg>().is_err()
        );
    }
}
