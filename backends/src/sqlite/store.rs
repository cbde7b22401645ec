//! The trait over the tables.

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendError, BackendResult, Blob, ByteRange, Capabilities, ConditionalPut, ContentEncoding,
    DeleteOutcome, ErrorKind, KeyValueBackend, Meta, Operation, Precondition, Put, PutOutcome,
    Value, Version,
};
use bigarrays_core::{Key, Prefix};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use rusqlite::blob::Blob as BlobHandle;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::options::SqliteBackend;

/// SQLite's own limit.
const MAX_VALUE_LEN: usize = 1_000_000_000;
/// Keys that a listing reads at a time, so that it holds no transaction open.
const PAGE: i64 = 1000;

const HEAD: &str =
    r#"SELECT id, version, content_encoding, length(value) FROM "values" WHERE key = ?1"#;
const GET: &str = r#"SELECT version, content_encoding, value FROM "values" WHERE key = ?1"#;
const LIST: &str = r#"SELECT key, version, content_encoding, length(value) FROM "values"
    WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT ?3"#;
const VERSION: &str = r#"SELECT version FROM "values" WHERE key = ?1"#;
const NEXT: &str = "UPDATE counter SET version = version + 1 RETURNING version";
const PUT: &str = r#"INSERT INTO "values" (key, version, content_encoding, value)
    VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO UPDATE SET version = excluded.version,
    content_encoding = excluded.content_encoding, value = excluded.value"#;
const DELETE: &str = r#"DELETE FROM "values" WHERE key = ?1"#;

fn version(number: i64) -> Version {
    Version::new(&number.to_le_bytes())
}

impl SqliteBackend {
    fn read<T>(
        &self,
        op: Operation,
        key: &Key,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> BackendResult<T> {
        let reader = self.connections.reader(op)?;
        let failed = self.connections.failed(op);
        match reader.as_ref() {
            Some(connection) => query(connection).map_err(failed.at(key)),
            None => Err(failed.of(ErrorKind::Other).with_key(key)),
        }
    }

    /// Runs one transaction that writes.
    fn write<T>(
        &self,
        op: Operation,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> BackendResult<T> {
        let failed = self.connections.failed(op);
        let mut writer = self.connections.writer();
        let Some(connection) = writer.as_mut() else {
            return Err(failed.of(ErrorKind::ReadOnly));
        };
        let run = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = change(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|error| failed.sqlite(error))
    }

    /// A content encoding that this version does not know is damage, and not identity.
    fn content_encoding(&self, key: &Key, token: &str) -> BackendResult<ContentEncoding> {
        ContentEncoding::from_token(token).ok_or_else(|| {
            self.connections
                .failed(Operation::Get)
                .of(ErrorKind::Corrupt)
                .with_key(key)
                .with_note(format!("the content encoding {token:?} is not known"))
        })
    }

    fn check_len(&self, key: &Key, value: &Value) -> BackendResult<()> {
        if value.bytes.len() <= MAX_VALUE_LEN {
            return Ok(());
        }
        let len = value.bytes.len();
        Err(BackendError::new(ErrorKind::Unsupported, self, Operation::Put)
            .with_key(key)
            .with_note(format!("the value has {len} bytes; SQLite allows {MAX_VALUE_LEN}")))
    }

    fn blob(&self, key: &Key, found: Option<Found>) -> BackendResult<Option<Blob>> {
        let Some(Found { version, content_encoding, bytes }) = found else { return Ok(None) };
        let content_encoding = self.content_encoding(key, &content_encoding)?;
        Ok(Some(Blob { bytes, version: Some(version), content_encoding }))
    }

    fn page(&self, after: &str, end: &str, prefix: &Prefix) -> BackendResult<Vec<Meta>> {
        let reader = self.connections.reader(Operation::List)?;
        let failed = self.connections.failed(Operation::List);
        let Some(connection) = reader.as_ref() else { return Ok(Vec::new()) };
        let rows = || {
            let mut statement = connection.prepare_cached(LIST)?;
            let rows = statement.query_map(params![after, end, PAGE], |row| {
                let size: i64 = row.get(3)?;
                Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, String>(2)?, size))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = rows().map_err(|error| failed.sqlite(error).with_prefix(prefix))?;
        rows.into_iter()
            .map(|(key, number, token, size)| {
                let key = Key::new(key)
                    .map_err(|error| BackendError::invalid_key(self, Operation::List, error))?;
                let content_encoding = self.content_encoding(&key, &token)?;
                let size = u64::try_from(size).unwrap_or(0);
                Ok(Meta { key, size, version: Some(version(number)), content_encoding })
            })
            .collect()
    }
}

/// A row of the table.
struct Found {
    version: Version,
    content_encoding: String,
    bytes: Bytes,
}

fn whole(row: &Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        version: version(row.get(0)?),
        content_encoding: row.get(1)?,
        bytes: row.get::<_, Vec<u8>>(2)?.into(),
    })
}

fn get_whole(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Found>> {
    connection.prepare_cached(GET)?.query_row([key.as_str()], whole).optional()
}

/// Reads a part of a value without reading the rest, in one transaction with its version.
fn get_part(
    connection: &Connection,
    key: &Key,
    range: &ByteRange,
) -> rusqlite::Result<Option<Found>> {
    let transaction = connection.unchecked_transaction()?;
    let head = transaction
        .prepare_cached(HEAD)?
        .query_row([key.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?, row.get::<_, i64>(3)?))
        })
        .optional()?;
    let Some((id, number, content_encoding, size)) = head else { return Ok(None) };
    let wanted = range.resolve(u64::try_from(size).unwrap_or(0));
    // The size of a value is at most `MAX_VALUE_LEN`.
    let place = |at: u64| usize::try_from(at).unwrap_or(0);
    let (start, len) = (place(wanted.start), place(wanted.end - wanted.start));
    let mut bytes = vec![0; len];
    if len > 0 {
        let blob: BlobHandle<'_> = transaction.blob_open("main", "values", "value", id, true)?;
        blob.read_at_exact(&mut bytes, start)?;
    }
    transaction.commit()?;
    Ok(Some(Found { version: version(number), content_encoding, bytes: bytes.into() }))
}

fn current(transaction: &Transaction<'_>, key: &Key) -> rusqlite::Result<Option<Version>> {
    let number = transaction.prepare_cached(VERSION)?.query_row([key.as_str()], |row| row.get(0));
    Ok(number.optional()?.map(version))
}

fn store(transaction: &Transaction<'_>, key: &Key, value: &Value) -> rusqlite::Result<Version> {
    let number: i64 = transaction.prepare_cached(NEXT)?.query_row([], |row| row.get(0))?;
    let token = value.content_encoding.token();
    transaction.prepare_cached(PUT)?.execute(params![key.as_str(), number, token, &value.bytes[..]])?;
    Ok(version(number))
}

#[async_trait]
impl KeyValueBackend for SqliteBackend {
    fn capabilities(&self) -> Capabilities {
        let read_only = self.connections.options.read_only;
        Capabilities {
            writable: !read_only,
            conditional_put: if read_only {
                ConditionalPut::Unsupported
            } else {
                ConditionalPut::CompareAndSwap
            },
            max_value_len: Some(MAX_VALUE_LEN as u64),
            ..Capabilities::local()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        let found = self.read(Operation::Head, key, |connection| {
            connection
                .prepare_cached(HEAD)?
                .query_row([key.as_str()], |row| {
                    Ok((row.get::<_, i64>(1)?, row.get::<_, String>(2)?, row.get::<_, i64>(3)?))
                })
                .optional()
        })?;
        let Some((number, token, size)) = found else { return Ok(None) };
        Ok(Some(Meta {
            key: key.clone(),
            size: u64::try_from(size).unwrap_or(0),
            version: Some(version(number)),
            content_encoding: self.content_encoding(key, &token)?,
        }))
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let found = self.read(Operation::Get, key, |connection| match &range {
            ByteRange::Full => get_whole(connection, key),
            part => get_part(connection, key, part),
        })?;
        self.blob(key, found)
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        self.check_len(key, &value)?;
        self.write(Operation::Put, |transaction| {
            if when != Precondition::Always && !when.holds(current(transaction, key)?.as_ref()) {
                return Ok(PutOutcome::Conflict);
            }
            let version = store(transaction, key, &value)?;
            Ok(PutOutcome::Written { version: Some(version) })
        })
        .map_err(|error| error.with_key(key))
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        self.write(Operation::Delete, |transaction| {
            if when != Precondition::Always && !when.holds(current(transaction, key)?.as_ref()) {
                return Ok(DeleteOutcome::Conflict);
            }
            transaction.prepare_cached(DELETE)?.execute([key.as_str()])?;
            Ok(DeleteOutcome::Deleted)
        })
        .map_err(|error| error.with_key(key))
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        // All keys below `a/` lie between `a/` and `a0`, for `0` follows `/`.
        let end = match prefix.as_str().strip_suffix('/') {
            Some(bare) => format!("{bare}0"),
            None => "\u{10ffff}".into(),
        };
        let first = Some(prefix.as_str().to_owned());
        stream::unfold(first, move |after| {
            let page = after.map(|after| self.page(&after, &end, prefix));
            let next = match &page {
                Some(Ok(page)) if i64::try_from(page.len()) == Ok(PAGE) => {
                    page.last().map(|meta| meta.key.as_str().to_owned())
                }
                _ => None,
            };
            let items = page.map(|page| match page {
                Ok(page) => page.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            });
            std::future::ready(items.map(|items| (stream::iter(items), next)))
        })
        .flatten()
        .boxed()
    }

    async fn get_batch(&self, keys: &[Key]) -> Vec<BackendResult<Option<Blob>>> {
        let mut answers = Vec::with_capacity(keys.len());
        for key in keys {
            let found = self.read(Operation::Get, key, |connection| get_whole(connection, key));
            answers.push(found.and_then(|found| self.blob(key, found)));
        }
        answers
    }

    async fn put_batch(&self, puts: Vec<Put>) -> BackendResult<()> {
        for put in &puts {
            self.check_len(&put.key, &put.value)?;
        }
        self.write(Operation::Put, |transaction| {
            puts.iter().try_for_each(|put| store(transaction, &put.key, &put.value).map(drop))
        })
    }

    async fn delete_batch(&self, keys: &[Key]) -> BackendResult<()> {
        self.write(Operation::Delete, |transaction| {
            let mut statement = transaction.prepare_cached(DELETE)?;
            keys.iter().try_for_each(|key| statement.execute([key.as_str()]).map(drop))
        })
    }
}
