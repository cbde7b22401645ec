//! A web server of a directory, with the habits and faults of real ones as switches.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a server of tests may fail a test")]

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// How the server behaves.
#[derive(Debug, Clone)]
pub(crate) struct Habits {
    pub(crate) ranges: bool,
    /// Suffix ranges are answered with the first bytes.
    pub(crate) wrong_suffixes: bool,
    /// `Content-Range` is one byte off.
    pub(crate) wrong_ranges: bool,
    pub(crate) etags: bool,
    /// Another ETag with every reply.
    pub(crate) restless: bool,
    pub(crate) heads: bool,
    pub(crate) chunked: bool,
    /// Neither length nor chunks.
    pub(crate) endless: bool,
    /// Half of the body, then the end.
    pub(crate) cut: bool,
    /// Compressed files are found only by those who accept them.
    pub(crate) negotiates: bool,
    /// Compressed files are decompressed for those who do not accept them, as Google does.
    pub(crate) decompresses: bool,
    /// Replies of whole files claim to be compressed so.
    pub(crate) encoding: Option<&'static str>,
    pub(crate) status: Option<u16>,
    pub(crate) headers: Vec<(String, String)>,
    /// The header that must come with each request.
    pub(crate) wants: Option<(&'static str, String)>,
    /// Says nothing at all.
    pub(crate) stalls: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            ranges: true,
            wrong_suffixes: false,
            wrong_ranges: false,
            etags: true,
            restless: false,
            heads: true,
            chunked: false,
            endless: false,
            cut: false,
            negotiates: false,
            decompresses: false,
            encoding: None,
            status: None,
            headers: Vec::new(),
            wants: None,
            stalls: false,
        }
    }
}

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
}

impl Request {
    fn read(from: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        from.read_line(&mut line).ok().filter(|&len| len > 0)?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            from.read_line(&mut line).ok()?;
            match line.trim().split_once(':') {
                Some((name, value)) => {
                    headers.insert(name.to_ascii_lowercase(), value.trim().to_owned())
                }
                None => return Some(Self { method, target, headers }),
            };
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

struct State {
    root: PathBuf,
    habits: Mutex<Habits>,
    log: Mutex<Vec<Request>>,
    replies: AtomicU64,
    ended: AtomicBool,
}

/// The server, until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

impl Server {
    pub(crate) fn start(root: &Path, habits: Habits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            root: root.to_owned(),
            habits: Mutex::new(habits),
            log: Mutex::default(),
            replies: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                let state = Arc::clone(&shared);
                thread::spawn(move || state.serve(stream));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set(&self, habits: Habits) {
        *self.state.habits.lock().unwrap() = habits;
    }

    /// What was asked since the last call.
    pub(crate) fn asked(&self) -> Vec<Request> {
        std::mem::take(&mut self.state.log.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// A file that answers a request, and how it is compressed.
struct Found {
    file: File,
    encoding: Option<&'static str>,
}

impl State {
    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(request) = Request::read(&mut reader) {
            self.log.lock().unwrap().push(request.clone());
            let habits = self.habits.lock().unwrap().clone();
            if habits.stalls {
                thread::park();
            }
            if !self.reply(&mut stream, &request, &habits).unwrap_or(false) {
                return;
            }
        }
    }

    /// Whether the connection may go on.
    fn reply(&self, to: &mut TcpStream, ask: &Request, habits: &Habits) -> std::io::Result<bool> {
        if let Some((name, value)) = &habits.wants
            && ask.header(name) != value
        {
            return bare(to, ask, 401, &[]);
        }
        if let Some(status) = habits.status {
            return bare(to, ask, status, &habits.headers);
        }
        if ask.method == "HEAD" && !habits.heads {
            return bare(to, ask, 405, &[]);
        }
        let Some(mut found) = self.find(ask, habits) else {
            return bare(to, ask, 404, &[]);
        };
        let metadata = found.file.metadata()?;
        let mut headers = habits.headers.clone();
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        let number = self.replies.fetch_add(1, Ordering::Relaxed);
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        if habits.etags {
            let extra = if habits.restless { number } else { 0 };
            add("ETag", format!("\"{}-{changed:?}-{}-{extra}\"", metadata.ino(), metadata.size()));
        }
        add("Last-Modified", date(metadata.mtime()));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        add("Date", date(i64::try_from(now).unwrap()));
        let mut body = Vec::new();
        found.file.seek(SeekFrom::Start(0))?;
        found.file.read_to_end(&mut body)?;
        let accepts = |token: &str| ask.header("accept-encoding").contains(token);
        match found.encoding {
            Some(token) if habits.decompresses && !accepts(token) => {
                add("x-goog-stored-content-encoding", token.to_owned());
                add("x-goog-stored-content-length", body.len().to_string());
                body = b"decompressed on the way".to_vec();
            }
            Some(token) => add("Content-Encoding", token.to_owned()),
            None => {}
        }
        if let Some(token) = habits.encoding.filter(|&token| accepts(token)) {
            add("Content-Encoding", token.to_owned());
        }
        let span = ask.headers.get("range").filter(|_| habits.ranges);
        let (status, body) = match span.map(|text| span_of(text, body.len(), habits)) {
            None => (200, body),
            Some(None) => {
                let total = format!("bytes */{}", body.len());
                return bare(to, ask, 416, &[("Content-Range".to_owned(), total)]);
            }
            Some(Some((first, last))) => {
                let off = usize::from(habits.wrong_ranges);
                let total = body.len() + off;
                add("Content-Range", format!("bytes {}-{}/{total}", first + off, last + off));
                (206, body[first..=last].to_vec())
            }
        };
        send(to, ask, status, &headers, &body, habits)
    }

    fn find(&self, ask: &Request, habits: &Habits) -> Option<Found> {
        let path = ask.target.split('?').next()?.trim_start_matches('/');
        let path = self.root.join(String::from_utf8(unescaped(path)).ok()?);
        // A file may be changing from one name to another.
        for _ in 0..20 {
            for (suffix, encoding) in
                [("", None), (".gz", Some("gzip")), (".br", Some("br")), (".zstd", Some("zstd"))]
            {
                let mut path = path.clone().into_os_string();
                path.push(suffix);
                let refused = habits.negotiates
                    && encoding.is_some_and(|token| !ask.header("accept-encoding").contains(token));
                let open = || File::open(&path).ok().filter(|f| f.metadata().unwrap().is_file());
                if let Some(file) = open().filter(|_| !refused) {
                    return Some(Found { file, encoding });
                }
            }
        }
        None
    }
}

/// The bytes that `bytes=a-b` means in a body; `None` if there are none.
fn span_of(text: &str, len: usize, habits: &Habits) -> Option<(usize, usize)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let last_byte = len.checked_sub(1)?;
    let number = |text: &str| text.parse::<u64>().ok().and_then(|n| usize::try_from(n).ok());
    match (first, last) {
        ("", count) if habits.wrong_suffixes => Some((0, number(count)?.min(last_byte))),
        ("", count) => Some((len.saturating_sub(number(count)?), last_byte)),
        (first, "") => Some((number(first)?, last_byte)),
        (first, last) => Some((number(first)?, number(last)?.min(last_byte))),
    }
    .filter(|(first, last)| first <= last)
}

fn bare(
    to: &mut TcpStream,
    ask: &Request,
    status: u16,
    headers: &[(String, String)],
) -> std::io::Result<bool> {
    send(to, ask, status, headers, b"no such thing", &Habits::default())
}

fn send(
    to: &mut TcpStream,
    ask: &Request,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
    habits: &Habits,
) -> std::io::Result<bool> {
    let mut head = format!("HTTP/1.1 {status} Word\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match habits {
        Habits { endless: true, .. } => head.push_str("Connection: close\r\n\r\n"),
        Habits { chunked: true, .. } => head.push_str("Transfer-Encoding: chunked\r\n\r\n"),
        _ => head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len())),
    }
    let mut reply = head.into_bytes();
    let sent = if habits.cut { &body[..body.len() / 2] } else { body };
    if ask.method == "HEAD" {
        // Nothing follows.
    } else if habits.chunked && !habits.endless {
        for part in sent.chunks(5000) {
            reply.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            reply.extend_from_slice(part);
            reply.extend_from_slice(b"\r\n");
        }
        if !habits.cut {
            reply.extend_from_slice(b"0\r\n\r\n");
        }
    } else {
        reply.extend_from_slice(sent);
    }
    to.write_all(&reply)?;
    Ok(!habits.cut && !habits.endless)
}

fn unescaped(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let escaped = bytes[at] == b'%';
        found.push(match escaped {
            true => u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap(),
            false => bytes[at],
        });
        at += if escaped { 3 } else { 1 };
    }
    found
}

/// A date as HTTP writes it.
fn date(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        [usize::try_from(days.rem_euclid(7)).unwrap()];
    // Years begin in March here.
    let day = days + 719_468;
    let era = day.div_euclid(146_097);
    let day = day.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, year) = (day - (153 * month + 2) / 5 + 1, year + era * 400 + month / 10);
    let name = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"]
        [usize::try_from(month).unwrap()];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {name} {year} {hour:02}:{minute:02}:{second:02} GMT")
}
