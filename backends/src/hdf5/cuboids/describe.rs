//! `config.json` and `info`: finding out what the directory is, and making it a volume.

use std::fs;
use std::io;
use std::sync::Arc;

use bigarrays_core::backend::{
    BackendResult, Blob, ByteRange, ErrorKind, KeyValueBackend, Operation, Precondition,
    PutOutcome, Value, Version, wait,
};
use bigarrays_core::key::Key;
use bigarrays_core::transport::decompress_document;
use bigarrays_info::VolumeInfo;

use super::config::Config;
use super::store::H5CuboidBackend;
use super::volume::Volume;
use crate::hdf5::direct::{FileState, H5Error};

/// No description is longer.
const LONGEST: u64 = 64 << 20;
const BLOCK: [u64; 3] = [1024, 1024, 128];

/// What a look at the directory depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    config: FileState,
    info: Option<Version>,
    /// The directory, where names of files matter.
    directory: Option<FileState>,
}

impl H5CuboidBackend {
    /// What the directory is now; `None` if it has no configuration.
    pub(super) fn volume(&self) -> Result<Option<Arc<Volume>>, H5Error> {
        let path = self.config_path();
        let unreadable = |error| H5Error::io("the configuration cannot be read", error);
        let Some(config) = FileState::at(&path).map_err(unreadable)? else { return Ok(None) };
        let directory = FileState::at(self.root()).map_err(unreadable)?;
        let info = wait(self.plain.head(&self.info_key)).map_err(|error| {
            H5Error::new(error.kind(), "its info cannot be read").because(error)
        })?;
        let info = info.and_then(|meta| meta.version);
        let mut stamp = Stamp { config, info, directory };
        if let Some((known, volume)) = &*self.current() {
            if volume.knows_its_files() {
                stamp.directory = None;
            }
            let settled = stamp.directory.is_none_or(|directory| directory.is_settled());
            if *known == stamp && config.is_settled() && settled {
                return Ok(Some(Arc::clone(volume)));
            }
        }
        let Some(bytes) = self.read_config()? else { return Ok(None) };
        let config = Config::parse(&bytes)
            .map_err(|what| H5Error::new(ErrorKind::InvalidConfig, what).in_file(&path))?;
        let info = self.own_info()?;
        let volume = Volume::look(config, &self.names()?, info, &self.blocks);
        let volume = Arc::new(volume.map_err(|error| error.in_file(&path))?);
        stamp.directory = directory.filter(|_| !volume.knows_its_files());
        *self.current() = Some((stamp, Arc::clone(&volume)));
        Ok(Some(volume))
    }

    fn read_config(&self) -> Result<Option<Vec<u8>>, H5Error> {
        let path = self.config_path();
        let unreadable = |error| H5Error::io("it cannot be read", error).in_file(&path);
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        if !metadata.is_file() || metadata.len() > LONGEST {
            let text = "it is no configuration";
            return Err(H5Error::new(ErrorKind::InvalidConfig, text).in_file(&path));
        }
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// The volume's own description, if it has one.
    fn own_info(&self) -> Result<Option<VolumeInfo>, H5Error> {
        let unreadable = |error| {
            H5Error::new(ErrorKind::InvalidConfig, "its info cannot be understood").because(error)
        };
        let read = wait(self.plain.get(&self.info_key, ByteRange::Full));
        let read = read.map_err(|error| {
            H5Error::new(error.kind(), "its info cannot be read").because(error)
        })?;
        let Some(Blob { bytes, content_encoding, .. }) = read else { return Ok(None) };
        let limit = usize::try_from(LONGEST).unwrap_or(usize::MAX);
        let document = decompress_document(content_encoding, &bytes, limit);
        let document = document.map_err(|error| unreadable(error.to_string()))?;
        let parsed = VolumeInfo::parse(&document).map_err(|error| unreadable(error.to_string()))?;
        Ok(Some(parsed.info))
    }

    /// The names of the files in the directory.
    pub(super) fn names(&self) -> Result<Vec<String>, H5Error> {
        let unreadable = |error| H5Error::io("the directory cannot be listed", error);
        let mut names = Vec::new();
        let entries = match fs::read_dir(self.root()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
            Err(error) => return Err(unreadable(error)),
        };
        for entry in entries {
            let entry = entry.map_err(unreadable)?;
            names.extend(entry.file_name().into_string().ok());
        }
        Ok(names)
    }

    /// Puts `info`, and makes the directory a volume if it is none yet.
    pub(super) fn put_info(
        &self,
        volume: Option<&Volume>,
        value: Value,
        when: &Precondition,
    ) -> BackendResult<PutOutcome> {
        let key = &self.info_key;
        let failed = |error: H5Error| error.into_backend(self, Operation::Put).with_key(key);
        let stored = wait(self.plain.head(key))?;
        let made_up = volume.and_then(Volume::made_up_version).filter(|_| stored.is_none());
        let now = stored.and_then(|meta| meta.version).or_else(|| made_up.clone());
        if *when != Precondition::Always && !when.holds(now.as_ref()) {
            return Ok(PutOutcome::Conflict);
        }
        self.prepare(volume, &value).map_err(failed)?;
        let when = match when {
            // It was never there as a file.
            Precondition::IfVersion(_) if made_up.is_some() => &Precondition::IfAbsent,
            when => when,
        };
        wait(self.plain.put(key, value, when.clone()))
    }

    /// Makes sure that there is a configuration which goes with a description.
    fn prepare(&self, volume: Option<&Volume>, value: &Value) -> Result<(), H5Error> {
        let limit = usize::try_from(LONGEST).unwrap_or(usize::MAX);
        let refused = |error: String| {
            H5Error::new(ErrorKind::Unsupported, "this is no description of a volume")
                .because(error)
        };
        let document = decompress_document(value.content_encoding, &value.bytes, limit);
        let document = document.map_err(|error| refused(error.to_string()))?;
        let info = VolumeInfo::parse(&document).map_err(|error| refused(error.to_string()))?.info;
        let names = self.names()?;
        if let Some(volume) = volume {
            let config = volume.config.clone();
            match Volume::look(config, &names, Some(info.clone()), &self.blocks) {
                Ok(_) => return Ok(()),
                // Files are there that cannot be read any more with another configuration.
                Err(error) if !volume.files.is_empty() => return Err(error),
                Err(_) => {}
            }
        } else if !self.options().create {
            let text = "the directory is no volume, and none is to be made";
            return Err(H5Error::new(ErrorKind::NotFound, text));
        }
        let config = self.new_config(&info)?;
        let text = config.to_json();
        Volume::look(config, &names, Some(info), &self.blocks)?;
        let put = self.plain.put(&self.config_key, text.into(), Precondition::Always);
        wait(put).map(drop).map_err(|error| {
            H5Error::new(error.kind(), "its configuration cannot be written").because(error)
        })
    }

    fn new_config(&self, info: &VolumeInfo) -> Result<Config, H5Error> {
        let invalid = |what: String| H5Error::new(ErrorKind::InvalidConfig, what);
        let Some(scale) = info.scales.first() else {
            return Err(invalid("its info has no scale".to_owned()));
        };
        let chunk = scale.chunk_size();
        let whole = |axis: usize| {
            let chunk = chunk[axis].max(1);
            BLOCK[axis].div_ceil(chunk).saturating_mul(chunk)
        };
        let block = self.options().block.unwrap_or_else(|| std::array::from_fn(whole));
        let compression = self.options().compression;
        let channels = info.num_channels;
        let config =
            Config::new(info.data_type, (block, chunk), scale.voxel_offset, channels, compression);
        // By the same rules as one that is read.
        Config::parse(&config.to_json()).map_err(invalid)
    }

    pub(super) fn key_of(name: &str) -> Result<Key, H5Error> {
        let invalid = |error| {
            H5Error::new(ErrorKind::InvalidConfig, "its name cannot be used").because(error)
        };
        Key::new(name).map_err(invalid)
    }
}
