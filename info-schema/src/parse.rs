//! Reading a document leniently, telling all of its problems.

use serde_json::{Map, Value};

use crate::draft::{BlockSize, Draft, DraftScale};
use crate::error::{InfoError, Problem};
use crate::info::{Document, Parsed, VolumeInfo};
use crate::kind::other_kind;
use crate::problems::Problems;
use crate::sharding::Sharding;
use crate::validate::{Purpose, check};
use crate::value::{self, Fields, Node, Place, triple};

impl VolumeInfo {
    /// Reads a volume from the bytes of its `info` document.
    ///
    /// ```
    /// use bigarrays_info::{DataType, VolumeInfo};
    ///
    /// let parsed = VolumeInfo::parse(br#"{
    ///     "type": "IMAGE", "data_type": "uint8", "num_channels": "1", "my_note": "kept",
    ///     "scales": [{
    ///         "key": "8_8_40", "size": [1000, 800, 40], "resolution": [8, 8, 40.0],
    ///         "chunk_sizes": [[64, 64, 16]], "encoding": "raw", "sharding": null
    ///     }]
    /// }"#)?;
    /// assert!(parsed.warnings.is_empty());
    /// assert_eq!(parsed.info.data_type, DataType::Uint8);
    /// assert_eq!(parsed.info.scales[0].voxel_offset, [0, 0, 0]);
    /// assert_eq!(parsed.info.extra["my_note"], "kept");
    /// # Ok::<(), bigarrays_info::InfoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InfoError::NotJson`]; [`InfoError::NotAVolume`], which names what it is instead;
    /// [`InfoError::Redirect`]; [`InfoError::Invalid`] with every problem and its JSON path.
    pub fn parse(bytes: &[u8]) -> Result<Parsed, InfoError> {
        Self::from_value(json(bytes)?)
    }

    /// Reads a document that may be a redirect to somewhere else.
    ///
    /// ```
    /// use bigarrays_info::{Document, VolumeInfo};
    ///
    /// let document = VolumeInfo::parse_document(br#"{ "redirect": "gs://bucket/volume" }"#)?;
    /// assert_eq!(document, Document::Redirect("gs://bucket/volume".to_owned()));
    /// # Ok::<(), bigarrays_info::InfoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), without [`InfoError::Redirect`].
    pub fn parse_document(bytes: &[u8]) -> Result<Document, InfoError> {
        match Self::parse(bytes) {
            Ok(parsed) => Ok(Document::Volume(parsed)),
            Err(InfoError::Redirect { to }) => Ok(Document::Redirect(to)),
            Err(error) => Err(error),
        }
    }

    /// Reads the volume that stands beside a redirect; see
    /// [`from_value_here`](Self::from_value_here).
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), without [`InfoError::Redirect`].
    pub fn parse_here(bytes: &[u8]) -> Result<Parsed, InfoError> {
        Self::from_value_here(json(bytes)?)
    }

    /// Reads a volume from JSON that is parsed already.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), without [`InfoError::NotJson`].
    pub fn from_value(value: Value) -> Result<Parsed, InfoError> {
        if let Some(kind) = other_kind(&value) {
            return Err(InfoError::NotAVolume { kind });
        }
        match value.get("redirect") {
            None | Some(Value::Null) => Self::from_value_here(value),
            Some(Value::String(to)) if !to.is_empty() => {
                Err(InfoError::Redirect { to: to.clone() })
            }
            Some(_) => {
                let problem = Problem::error("redirect", "must be a text that is not empty");
                Err(InfoError::Invalid { problems: vec![problem] })
            }
        }
    }

    /// Reads the volume that stands beside a redirect, keeping the redirect in
    /// [`extra`](VolumeInfo::extra).
    ///
    /// For callers who followed the redirect and came back: a document that redirects to itself
    /// is the end of the way.
    ///
    /// # Errors
    ///
    /// [`InfoError::NotAVolume`], [`InfoError::Invalid`].
    pub fn from_value_here(value: Value) -> Result<Parsed, InfoError> {
        if let Some(kind) = other_kind(&value) {
            return Err(InfoError::NotAVolume { kind });
        }
        // Anything but an object is another kind.
        let map = if let Value::Object(map) = value { map } else { Map::new() };
        let mut problems = Problems::default();
        let draft = volume(&map, &mut problems);
        check(&draft, Purpose::Reading, &mut problems);

        let (errors, warnings): (Vec<_>, Vec<_>) =
            problems.into_vec().into_iter().partition(Problem::is_error);
        match draft.finish() {
            Some(info) if errors.is_empty() => Ok(Parsed { info, warnings }),
            _ => Err(InfoError::Invalid { problems: errors }),
        }
    }
}

/// The JSON of these bytes, which may begin with a byte order mark.
fn json(bytes: &[u8]) -> Result<Value, InfoError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|source| InfoError::NotJson { source })
}

fn volume(map: &Map<String, Value>, problems: &mut Problems) -> Draft {
    let mut fields = Fields::new(String::new(), map);
    // Checked by `other_kind`.
    fields.take("@type");
    Draft {
        volume_type: fields.required("type", problems, value::name),
        data_type: fields.required("data_type", problems, value::name),
        num_channels: fields.required("num_channels", problems, value::whole),
        scales: fields.required("scales", problems, scales),
        mesh: fields.optional("mesh", problems, value::any_text),
        skeletons: fields.optional("skeletons", problems, value::any_text),
        segment_properties: fields.optional("segment_properties", problems, value::any_text),
        extra: fields.into_rest(),
    }
}

fn scales(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<DraftScale>> {
    let items = value::items(node, problems)?;
    Some(items.map(|item| scale(&item, problems).unwrap_or_default()).collect())
}

fn scale(node: &Node<'_>, problems: &mut Problems) -> Option<DraftScale> {
    let mut fields = value::fields(node, problems)?;
    let mut draft = DraftScale {
        key: fields.required("key", problems, value::text),
        size: fields.required("size", problems, triple(value::whole)),
        voxel_offset: fields.defaulted("voxel_offset", [0; 3], problems, triple(value::whole)),
        resolution: fields.required("resolution", problems, triple(value::number)),
        chunk_sizes: fields.required("chunk_sizes", problems, chunk_sizes),
        encoding: fields.required("encoding", problems, value::name),
        block_size: fields
            .defaulted(
                "compressed_segmentation_block_size",
                BlockSize::Absent,
                problems,
                |node, problems| triple(value::whole)(node, problems).map(BlockSize::Present),
            )
            .unwrap_or(BlockSize::Unreadable),
        jpeg_quality: fields.optional("jpeg_quality", problems, value::whole),
        png_level: fields.optional("png_level", problems, value::whole),
        sharding: None,
        hidden: fields.optional("hidden", problems, value::boolean).unwrap_or_default(),
        locked: fields.optional("locked", problems, value::boolean).unwrap_or_default(),
        extra: Map::new(),
    };
    let sharding = fields.optional("sharding", problems, sharding);
    let (sharding, unknown) = sharding.unwrap_or_default();
    draft.sharding = sharding;
    draft.extra = fields.into_rest();
    if !unknown.is_empty() {
        draft.extra.insert("sharding".to_owned(), Value::Object(unknown));
    }
    Some(draft)
}

fn chunk_sizes(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Option<[u64; 3]>>> {
    let read = triple(value::whole);
    let items = value::items(node, problems)?;
    Some(items.map(|item| read(&item, problems)).collect())
}

impl Sharding {
    /// Reads a `sharding` object: also of meshes, skeletons and annotations, which are packed the
    /// same way.
    ///
    /// ```
    /// use bigarrays_info::{ShardEncoding, Sharding};
    /// use serde_json::json;
    ///
    /// let sharding = Sharding::from_value(&json!({
    ///     "@type": "neuroglancer_uint64_sharded_v1", "preshift_bits": 9, "hash": "identity",
    ///     "minishard_bits": 6, "shard_bits": 15, "data_encoding": "gzip"
    /// }))?;
    /// assert_eq!(sharding.minishard_index_encoding, ShardEncoding::Raw);
    /// # Ok::<(), bigarrays_info::InfoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InfoError::Invalid`] with every problem.
    pub fn from_value(value: &Value) -> Result<Self, InfoError> {
        let mut problems = Problems::default();
        let read = sharding(&Node { value, place: Place::Field("", "sharding") }, &mut problems);
        let errors: Vec<Problem> =
            problems.into_vec().into_iter().filter(Problem::is_error).collect();
        let read = read.and_then(|(sharding, _)| sharding).filter(|_| errors.is_empty());
        let read = read.ok_or(InfoError::Invalid { problems: errors })?;
        let too_many = [
            ("preshift_bits", read.preshift_bits, 63),
            ("minishard_bits", read.minishard_bits, 32),
            ("shard_bits", read.shard_bits, 64 - read.minishard_bits.min(32)),
        ];
        let too_many = too_many.into_iter().filter(|(_, bits, most)| bits > most);
        let problems: Vec<Problem> = too_many
            .map(|(field, bits, most)| {
                let path = format!("sharding.{field}");
                Problem::error(path, format!("must be 0 to {most}, not {bits}"))
            })
            .collect();
        if problems.is_empty() { Ok(read) } else { Err(InfoError::Invalid { problems }) }
    }
}

/// The `sharding` object and the keys in it that are not known.
fn sharding(
    node: &Node<'_>,
    problems: &mut Problems,
) -> Option<(Option<Sharding>, Map<String, Value>)> {
    let mut fields = value::fields(node, problems)?;
    let kind = fields.required("@type", problems, value::text);
    if kind.is_some_and(|kind| kind != Sharding::TYPE) {
        problems.error(fields.path_of("@type"), format!("must be {}", Sharding::TYPE));
    }
    // All are read before giving up, so that each one's problem is told.
    let preshift_bits = fields.required("preshift_bits", problems, value::whole);
    let hash = fields.required("hash", problems, value::name);
    let minishard_bits = fields.required("minishard_bits", problems, value::whole);
    let shard_bits = fields.required("shard_bits", problems, value::whole);
    let index_encoding = fields.optional("minishard_index_encoding", problems, value::name);
    let data_encoding = fields.optional("data_encoding", problems, value::name);
    let read = || {
        Some(Sharding {
            preshift_bits: preshift_bits?,
            hash: hash?,
            minishard_bits: minishard_bits?,
            shard_bits: shard_bits?,
            minishard_index_encoding: index_encoding.unwrap_or_default(),
            data_encoding: data_encoding.unwrap_or_default(),
        })
    };
    Some((read(), fields.into_rest()))
}
