//! Many small volumes of CloudVolume and TensorStore read by us, the same volumes written by us
//! and read by them: every encoding, type, number of channels, compression, sharding, geometry.

#![expect(clippy::expect_used, clippy::panic, reason = "test helpers may fail a test")]
#![expect(clippy::print_stdout, reason = "how many were read and written is of interest")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use bigarrays::geometry::{MortonCode, parse_chunk_name};
use bigarrays::info::{Scale, ShardEncoding, ShardHash, Sharding, VolumeInfo};
use bigarrays::memory::MemoryBackend;
use bigarrays::shard::{Place, file_name, hash};
use bigarrays::{BigArray, DataType, Encoding, Number, OpenOptions, Transport};
use bigarrays_tests::matrix::{Matrix, Mip, Volume, check_array, story};
use bigarrays_tests::npy::Voxels;
use bigarrays_tests::{python, shared, try_python};
use serde_json::{Value, json};

/// Encodings that no other program writes.
const OURS_ALONE: [Encoding; 3] = [Encoding::Gzip, Encoding::Zstd, Encoding::Blosclz];

#[test]
fn cloudvolumes_matrix_is_read_equal_and_ours_is_read_equal_there_seed_1() {
    both_ways("1");
}

#[test]
fn cloudvolumes_matrix_is_read_equal_and_ours_is_read_equal_there_seed_2() {
    both_ways("2");
}

#[test]
fn cloudvolumes_matrix_is_read_equal_and_ours_is_read_equal_there_seed_3() {
    both_ways("3");
}

#[test]
fn volumes_of_tensorstore_are_read_equal() {
    let Some(python) = python() else { return };
    let work = tempfile::tempdir().expect("a folder");
    let dir = work.path().join("ts");
    let printed = try_python(&python, Path::new("ts_volumes.py"), &[dir.as_os_str()]);
    println!("{}", printed.unwrap_or_else(|failure| panic!("{failure}")));
    let matrix = Matrix::load(&dir).expect("a matrix");
    let mut failures = Vec::new();
    println!("read of TensorStore's: {:?}", matrix.check(&mut failures));
    report(&failures);
}

fn both_ways(seed: &str) {
    let Some(python) = python() else { return };
    let Some(maker) = shared("interop/cv_make.py") else { return };
    let Some(checker) = shared("interop/cv_check.py") else { return };
    let work = tempfile::tempdir().expect("a folder");
    let (theirs, ours) = (work.path().join("theirs"), work.path().join("ours"));
    if let Err(failure) = try_python(&python, &maker, &[theirs.as_os_str(), OsStr::new(seed)]) {
        panic!("{failure}");
    }
    let theirs = Matrix::load(&theirs).expect("a matrix");

    let mut failures = Vec::new();
    let right = theirs.check(&mut failures);
    println!("seed {seed}, read of CloudVolume's: {right:?}");
    let absent = |encoding: &Encoding| !theirs.has(*encoding) && !OURS_ALONE.contains(encoding);
    let absent: Vec<_> = Encoding::ALL.into_iter().filter(absent).collect();
    assert!(absent.is_empty(), "the matrix has no {absent:?}");

    let written = rewrite(&theirs, &ours, &mut failures);
    println!("seed {seed}, written by us: {written:?}");
    let folder = ours.as_os_str();
    for reader in ["cloud-volume", "tensorstore"] {
        // What they cut out of ours is the same code of theirs for every seed.
        let cutouts = OsStr::new(if seed == "1" { "2" } else { "0" });
        let words =
            [folder, OsStr::new("--reader"), OsStr::new(reader), OsStr::new("--cutouts"), cutouts];
        match try_python(&python, &checker, &words) {
            Ok(printed) => println!("seed {seed}, ours read by {printed}"),
            Err(failure) => failures.push(failure),
        }
    }
    match try_python(&python, Path::new("matrix.py"), &[folder, checker.as_os_str()]) {
        Ok(printed) => println!("seed {seed}, ours read by {printed}"),
        Err(failure) => failures.push(failure),
    }
    report(&failures);
}
/// Fails with everything that is not right.
fn report(failures: &[String]) {
    let count = failures.len();
    assert!(failures.is_empty(), "{count} are not right:\n{}", failures.join("\n"));
}

/// How a volume is written again.
struct Variant {
    /// What is added to its name.
    name: &'static str,
    sharding: Option<Sharding>,
    transport: Transport,
}

impl Variant {
    /// Unsharded for every reader, sharded, and compressed as the volume is that it is made of.
    fn of(volume: &Volume, scale: &Scale) -> Vec<Self> {
        let mut variants = vec![
            Self { name: "plain", sharding: None, transport: Transport::None },
            Self { name: "shards", sharding: Some(sharding(scale)), transport: Transport::None },
        ];
        let transport = match volume.text("compress") {
            "gzip" => Transport::GZIP,
            "br" => Transport::BROTLI,
            "zstd" => Transport::ZSTD,
            _ => return variants,
        };
        variants.push(Self { name: "packed", sharding: None, transport });
        variants
    }
}

/// The sharding that a scale has, or a small one with a bit of everything.
fn sharding(scale: &Scale) -> Sharding {
    scale.sharding.unwrap_or(Sharding {
        preshift_bits: 1,
        hash: ShardHash::Identity,
        minishard_bits: 2,
        shard_bits: 3,
        minishard_index_encoding: ShardEncoding::Gzip,
        data_encoding: match Transport::for_encoding(scale.encoding) {
            Transport::None => ShardEncoding::Raw,
            _ => ShardEncoding::Gzip,
        },
    })
}

/// Writes every volume of a matrix again, and a manifest beside them. Answers how many volumes of
/// each encoding were written; adds what cannot be written to `failures`.
fn rewrite(theirs: &Matrix, ours: &Path, failures: &mut Vec<String>) -> BTreeMap<String, usize> {
    fs::create_dir_all(ours.join("npy")).expect("a folder");
    let mut written = BTreeMap::new();
    let mut entries = Vec::new();
    for volume in &theirs.volumes {
        let info = fs::read(theirs.dir.join(volume.text("path")).join("info")).expect("an info");
        let info = VolumeInfo::parse(&info).expect("a sound info").info;
        for variant in Variant::of(volume, &info.scales[0]) {
            match rewrite_volume(theirs, volume, info.clone(), &variant, ours) {
                Ok(entry) => {
                    entries.push(entry);
                    *written.entry(volume.text("encoding").to_owned()).or_default() += 1;
                }
                Err(why) => failures.push(format!(
                    "write {}, {} ({}): {why}",
                    volume.name(),
                    variant.name,
                    volume.text("encoding")
                )),
            }
        }
    }
    let manifest = json!({ "format": "precomputed-matrix-1", "axes": "xyzc", "volumes": entries });
    fs::write(ours.join("manifest.json"), manifest.to_string()).expect("written");
    written
}

fn rewrite_volume(
    theirs: &Matrix,
    volume: &Volume,
    mut info: VolumeInfo,
    variant: &Variant,
    ours: &Path,
) -> Result<Value, String> {
    let name = format!("{}_{}", volume.name(), variant.name);
    let path = format!("vol/{name}");
    for scale in &mut info.scales {
        scale.sharding = variant.sharding;
    }
    let transport = variant.transport;
    let url = format!("file://{}?durability=none", ours.join(&path).display());
    let options = OpenOptions::new().array(move |options| options.transport(transport));
    let array = options.create(&url, info).map_err(|error| story(&error))?;

    let mut entry = volume.0.clone();
    let mut mips = Vec::new();
    for mip in volume.mips(&theirs.dir)? {
        let at = |what: String| format!("scale {}: {what}", mip.index);
        let array = array.at_scale(mip.index).map_err(|error| at(story(&error)))?;
        let mut known = volume.0["mips"][mips.len()].clone();
        let voxels = write_mip(&array, volume, &mip).map_err(at)?;
        // What is lossless must read as it was; of what is lossy we say what we read.
        let mut wanted = theirs.dir.join(known["npy"].as_str().unwrap_or_default());
        if mip.source.is_some() {
            wanted = ours.join(format!("npy/{name}.mip{}.npy", mip.index));
            voxels.save(&wanted)?;
        }
        known["npy"] = json!(wanted);
        mips.push(known);
    }
    entry["name"] = json!(name);
    entry["path"] = json!(path);
    entry["sharded"] = json!(variant.sharding.is_some());
    entry["mips"] = json!(mips);
    Ok(entry)
}

/// Writes a scale, removes the chunks that it is to miss, and reads it. Answers what it reads as.
fn write_mip(array: &BigArray, volume: &Volume, mip: &Mip) -> Result<Voxels, String> {
    let given = mip.source.as_ref().map_or(&mip.voxels, |(source, _)| source);
    let bounds = array.bounds();
    given.write_to(array, bounds.min).map_err(|error| story(&error))?;
    for name in &mip.missing {
        let chunk = parse_chunk_name(name).ok_or_else(|| format!("{name:?} is no chunk"))?;
        array.delete(chunk).map_err(|error| story(&error))?;
    }
    let filled = array.to_builder().fill(Number::Int(volume.fill().unwrap_or(0).into()));
    let array = filled.open().map_err(|error| story(&error))?;
    let read = Voxels::from(array.read_dyn(bounds).map_err(|error| story(&error))?);
    let tolerance = match &mip.source {
        // Another encoder may be off a little more than theirs.
        Some((_, error)) => 1.5 * error + mip.tolerance,
        None => 0.0,
    };
    read.compare(given, tolerance).map_err(|why| format!("read again: {why}"))?;
    let again = Mip { voxels: read, tolerance: 0.0, ..mip.clone() };
    check_array(&array, &again, volume.name())?;
    Ok(again.voxels)
}

#[test]
fn ids_hashes_and_places_in_shards_are_those_of_cloudvolume() {
    let Some(python) = python() else { return };
    let Some(maker) = shared("interop/cv_make.py") else { return };
    let work = tempfile::tempdir().expect("a folder");
    let words =
        [work.path().as_os_str(), OsStr::new("7"), OsStr::new("--only"), OsStr::new("geo_one")];
    if let Err(failure) = try_python(&python, &maker, &words) {
        panic!("{failure}");
    }
    let vectors = fs::read(work.path().join("vectors.json")).expect("vectors");
    let vectors: Value = serde_json::from_slice(&vectors).expect("JSON");
    let rows = |key: &str| vectors[key].as_array().expect("a list").clone();

    for row in rows("murmurhash3_x86_128_low64") {
        let found = hash(ShardHash::Murmurhash3X86_128, number(&row[0]));
        assert_eq!(found, number(&row[1]), "hash of {}", row[0]);
    }
    for row in rows("compressed_morton") {
        let code = MortonCode::new(triple(&row["grid"])).expect("64 bits are enough");
        let points = row["points"].as_array().expect("points");
        for (point, expected) in points.iter().zip(row["codes"].as_array().expect("codes")) {
            assert_eq!(code.encode(triple(point)), number(expected), "{point} in {}", row["grid"]);
            assert_eq!(code.decode(number(expected)), triple(point), "{expected}");
        }
    }
    for group in rows("shard_location") {
        let sharding = parse_sharding(&group["sharding"]);
        for row in group["rows"].as_array().expect("rows") {
            let place = Place::of(number(&row[0]), &sharding);
            assert_eq!(file_name(place.shard, &sharding), row[1], "{row} {sharding:?}");
            assert_eq!(place.minishard, number(&row[2]), "{row} {sharding:?}");
        }
    }
    for row in rows("shard_shape") {
        check_shard_shape(&row);
    }
}

fn check_shard_shape(row: &Value) {
    let (preshift, minishard) = (number(&row["preshift_bits"]), number(&row["minishard_bits"]));
    let bits = |bits: u64| u32::try_from(bits).expect("few");
    let sharding = Sharding {
        preshift_bits: bits(preshift),
        hash: ShardHash::Identity,
        minishard_bits: bits(minishard),
        // As many as there may be: then every shard is a box.
        shard_bits: 64 - bits(preshift + minishard),
        minishard_index_encoding: ShardEncoding::Raw,
        data_encoding: ShardEncoding::Raw,
    };
    let info = VolumeInfo::builder(DataType::Uint8, triple(&row["size"]))
        .chunk_size(triple(&row["chunk_size"]))
        .sharding(sharding)
        .build()
        .expect("a sound info");
    let array = BigArray::create(MemoryBackend::new(), info).expect("created");
    assert_eq!(array.write_unit(), triple(&row["shard_shape"]), "{row}");
}

fn parse_sharding(value: &Value) -> Sharding {
    let bits = |key: &str| u32::try_from(number(&value[key])).expect("few");
    let text = |key: &str| value[key].as_str().expect("text");
    Sharding {
        preshift_bits: bits("preshift_bits"),
        hash: text("hash").parse().expect("a hash"),
        minishard_bits: bits("minishard_bits"),
        shard_bits: bits("shard_bits"),
        minishard_index_encoding: text("minishard_index_encoding").parse().expect("an encoding"),
        data_encoding: text("data_encoding").parse().expect("an encoding"),
    }
}

/// A number, or one as text where JSON readers would round it.
fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).expect("a number")
}

fn triple(value: &Value) -> [u64; 3] {
    std::array::from_fn(|axis| number(&value[axis]))
}
