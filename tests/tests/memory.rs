//! What calls and commands need of memory, however large what they work on: the most that was
//! resident at once (`VmHWM`, which a program that is started begins anew). And what claims to be
//! enormous without being so: nothing is allocated for a claim.
//!
//! `BIGARRAYS_BIG=1` takes the large sizes: some minutes, and 64 GiB of holes on the disk.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "test helpers may fail a test and tell what they measured"
)]

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bigarrays::info::{ShardEncoding, ShardHash, Sharding};
use bigarrays::ndarray::{Array4, ShapeBuilder};
use bigarrays::{BigArray, DataType, OpenOptions, VolumeInfo};
use bigarrays_tests::bench::Bench;
use bigarrays_tests::text;

const MIB: u64 = 1 << 20;
/// What a process needs beside what the option counts: its code, and buffers of the system's.
const FIXED: u64 = 80 * MIB;

/// Whether the large sizes were asked for.
fn is_big() -> bool {
    std::env::var("BIGARRAYS_BIG").is_ok_and(|said| said == "1")
}

/// The most bytes of a process that were in memory at once, from its status.
fn peak_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Runs a line, and watches how much of it is in memory. It only grows: nothing is overlooked but
/// what happens after the last look, a moment before the end.
fn measure(bench: &Bench, line: &str) -> (Output, u64) {
    let mut child = Command::new(bench.command())
        .args(line.split_whitespace())
        .current_dir(bench.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("asked").is_none() {
        let now = fs::read_to_string(&status).ok();
        peak = now.as_deref().and_then(peak_in).unwrap_or(0).max(peak);
        // Not to take the processor from what is measured.
        std::thread::sleep(Duration::from_millis(2));
    }
    (child.wait_with_output().expect("ended"), peak)
}

/// Runs a line that must succeed within `memory` and what is fixed.
fn within(bench: &Bench, memory: u64, line: &str) {
    let (output, peak) = measure(bench, line);
    assert!(output.status.success(), "{line}: {}", text(&output));
    println!("{} MiB at most, of them {} by option: {line}", peak / MIB, memory / MIB);
    assert!(peak > MIB, "nothing was measured");
    assert!(peak <= memory + FIXED, "{line}: {} MiB", peak / MIB);
}

fn disk_bytes(path: &Path) -> u64 {
    fs::metadata(path).expect("a file").blocks() * 512
}

#[test]
fn a_cutout_far_larger_than_memory_is_streamed_into_a_file_of_holes() {
    let Some(bench) = Bench::new() else { return };
    let (z, memory) = if is_big() { (65536, 256) } else { (2048, 64) };
    let create = format!("create vol --size 1024,1024,{z} --dtype uint8");
    bench.succeeds(&create);
    bench.npy("a.npy", "|u1", "64, 64, 64", &[7; 64 * 64 * 64]);
    let last = z - 64;
    for at in ["0,0,0".to_owned(), format!("960,960,{last}")] {
        bench.succeeds(&format!("write vol a.npy --at {at}"));
    }
    for (name, begin) in [("out.raw", 0), ("out.npy", 128)] {
        // Not at chunk borders: a voxel before the volume on each axis.
        within(
            &bench,
            memory * MIB,
            &format!("cutout vol --box -1:1024,-1:1024,-1:{z} --memory {memory}M -o {name}"),
        );
        let path = bench.path(name);
        let len = 1025 * 1025 * (z + 1);
        assert_eq!(fs::metadata(&path).expect("a file").len(), begin + len);
        assert!(disk_bytes(&path) < 64 * MIB, "{} bytes on the disk", disk_bytes(&path));
        let file = File::open(&path).expect("opens");
        for (at, value) in [
            ([0, 0, 0], 0),
            ([1, 1, 1], 7),
            ([64, 64, 64], 7),
            ([65, 64, 64], 0),
            ([960, 961, last + 1], 0),
            ([961, 961, last + 1], 7),
            ([1024, 1024, z], 7),
        ] {
            let mut voxel = [9];
            let [x, y, z] = at;
            file.read_exact_at(&mut voxel, begin + x + 1025 * (y + 1025 * z)).expect("reads");
            assert_eq!(voxel, [value], "{name} at {at:?}");
        }
        fs::remove_file(path).expect("removed");
    }
    // What is made in memory as a whole is refused before it is.
    let (output, peak) = measure(&bench, "cutout vol --box :,:,0:1 --memory 100K -o out.png");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("--memory allows"), "{}", text(&output));
    assert!(peak <= FIXED, "{} MiB", peak / MIB);
}

/// Whether two files hold the same, without holding them.
fn are_the_same(a: &Path, b: &Path) -> bool {
    let [mut a, mut b] = [a, b].map(|path| File::open(path).expect("opens"));
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let count = a.read(&mut left).expect("reads");
        if count == 0 {
            return b.read(&mut right).expect("reads") == 0;
        }
        if b.read_exact(&mut right[..count]).is_err() || left[..count] != right[..count] {
            return false;
        }
    }
}

#[test]
fn an_import_and_a_copy_far_larger_than_memory_and_back_are_what_they_were() {
    let Some(bench) = Bench::new() else { return };
    let (z, memory) = if is_big() { (4096, 256) } else { (256, 32) };
    let mut file = File::create(bench.path("in.raw")).expect("made");
    let len = 1024 * 1024 * z;
    file.set_len(len).expect("long");
    for n in 0..97 {
        file.seek(SeekFrom::Start(n * (len / 97))).expect("sought");
        file.write_all(format!("here is number {n}").as_bytes()).expect("written");
    }
    let import = format!(
        "import in.raw file://vol?durability=none --size 1024,1024,{z} --dtype uint8 --chunk 128,128,128 --compress gzip:1 --memory {memory}M"
    );
    within(&bench, memory * MIB, &import);
    within(&bench, memory * MIB, &format!("cutout vol --memory {memory}M -o out.raw"));
    assert!(are_the_same(&bench.path("in.raw"), &bench.path("out.raw")));
    // The chunks of a shard are compressed in it.
    let sharded = import.replace("//vol?", "//shards?").replace("--compress gzip:1", "--sharded");
    within(&bench, memory * MIB, &sharded);
    within(&bench, memory * MIB, &format!("cutout shards --memory {memory}M -o out.raw"));
    assert!(are_the_same(&bench.path("in.raw"), &bench.path("out.raw")));
    // As the chunks are stored, as others, and out of shards.
    for (source, options) in
        [("vol", ""), ("vol", "--chunk 64,64,32 --compress none"), ("shards", "--unsharded")]
    {
        let copy = format!(
            "copy {source} file://copy?durability=none {options} --memory {memory}M --journal copy.journal"
        );
        within(&bench, memory * MIB, &copy);
        within(&bench, memory * MIB, &format!("cutout copy --memory {memory}M -o out.raw"));
        assert!(are_the_same(&bench.path("in.raw"), &bench.path("out.raw")), "{copy}");
        fs::remove_dir_all(bench.path("copy")).expect("removed");
    }
}

/// How a child process is told what to write.
const JOB: &str = "BIGARRAYS_TEST_MEMORY";
/// The memory option of that child.
const LITTLE: u64 = 16 * MIB;

/// Not a test: the work of a child process, which prints by how much it grew.
#[test]
fn a_child_writes_and_reads() {
    let Ok(job) = std::env::var(JOB) else { return };
    let (kind, url) = job.split_once(' ').expect("two words");
    let mut info = VolumeInfo::builder(DataType::Uint8, [512, 512, 256]).chunk_size([64; 3]);
    if kind == "sharded" {
        // 64 chunks a shard: 16 MiB.
        info = info.sharding(Sharding {
            preshift_bits: 4,
            hash: ShardHash::Identity,
            minishard_bits: 2,
            shard_bits: 2,
            minishard_index_encoding: ShardEncoding::Gzip,
            data_encoding: ShardEncoding::Raw,
        });
    }
    let memory = usize::try_from(LITTLE).expect("little");
    let array: BigArray = OpenOptions::new()
        .array(move |options| {
            options.memory(memory).threads(NonZeroUsize::new(4).expect("not zero"))
        })
        .create(url, info.build().expect("a description"))
        .expect("a volume");
    let look = || {
        let status = fs::read_to_string("/proc/self/status").expect("a status");
        peak_in(&status).expect("a peak")
    };
    let before = look();
    // An array of 64 MiB that is one voxel in memory.
    let voxel = Array4::<u8>::from_elem((1, 1, 1, 1).f(), 3);
    let voxels = voxel.broadcast((512, 512, 256, 1)).expect("a view");
    array.write([0; 3], voxels).expect("writes");
    let written = look();
    // And back, a slab at a time into the same memory.
    let threes = vec![3; 512 * 512 * 64];
    let mut slab = Array4::<u8>::zeros((512, 512, 64, 1).f());
    for z in (0..256).step_by(64) {
        array.read_into([0..512, 0..512, z..z + 64], slab.view_mut()).expect("reads");
        // As a whole, which is fast in every build.
        assert!(slab.as_slice_memory_order() == Some(&threes[..]));
    }
    println!("grew {} {}", written - before, look() - before);
}

#[test]
fn the_library_writes_and_reads_within_its_memory_option() {
    let dir = tempfile::tempdir().expect("a folder");
    for (kind, most) in [
        ("plain", LITTLE),
        // A shard is in memory twice: its chunks, and the file that they become.
        ("sharded", 2 * 16 * MIB + LITTLE),
    ] {
        let url = format!("file://{}/{kind}?durability=none", dir.path().display());
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "a_child_writes_and_reads", "--nocapture"])
            .env(JOB, format!("{kind} {url}"))
            .output()
            .expect("runs");
        let said = text(&child);
        let line = said.lines().find_map(|line| line.split_once("grew ")).expect(&said).1;
        let grew: Vec<u64> = line.split(' ').map(|n| n.parse().expect("a number")).collect();
        println!("{kind}: {} MiB for the write, {} with reads", grew[0] / MIB, grew[1] / MIB);
        // Beside it the threads' stacks and buffers, and what an allocator keeps of what is free.
        let slack = 24 * MIB;
        assert!(grew[0] <= most + slack, "{kind}: writing took {} MiB", grew[0] / MIB);
        // The slab is the caller's, and so is what it is compared with.
        assert!(
            grew[1] <= most + slack + 2 * 16 * MIB,
            "{kind}: reading took {} MiB",
            grew[1] / MIB
        );
    }
}

/// A `.npy` with any header and few voxels.
fn npy(header: &str) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len() + 1).expect("short").to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(b"\nvoxels");
    bytes
}

/// A little-endian TIFF of one page with these tags of one long each.
fn tiff(tags: &[(u16, u32)]) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend(u16::try_from(tags.len()).expect("few").to_le_bytes());
    for (tag, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend([4, 0, 1, 0, 0, 0]);
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 16]);
    bytes
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(&header);
    bytes.extend(crc(&header).to_be_bytes());
    bytes.extend(b"\0\0\0\x04IDAT\0\0\0\0");
    bytes
}

/// The checksum of PNG.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

/// A NIfTI-1 of `dim` with 16-bit voxels that are not there.
fn nifti(dim: [i16; 8]) -> Vec<u8> {
    let mut bytes = vec![0; 352];
    bytes[0..4].copy_from_slice(&348_i32.to_le_bytes());
    for (n, extent) in dim.into_iter().enumerate() {
        bytes[40 + 2 * n..42 + 2 * n].copy_from_slice(&extent.to_le_bytes());
    }
    bytes[70..72].copy_from_slice(&4_i16.to_le_bytes());
    bytes[72..74].copy_from_slice(&16_i16.to_le_bytes());
    for n in 0..8 {
        bytes[76 + 4 * n..80 + 4 * n].copy_from_slice(&1_f32.to_le_bytes());
    }
    bytes[108..112].copy_from_slice(&352_f32.to_le_bytes());
    bytes[344..348].copy_from_slice(b"n+1\0");
    bytes
}

#[test]
fn files_that_claim_to_be_enormous_are_refused_without_memory_for_the_claim() {
    let Some(bench) = Bench::new() else { return };
    let shape = |shape: &str| {
        npy(&format!("{{'descr': '|u1', 'fortran_order': True, 'shape': ({shape}), }}"))
    };
    let images: [(u16, u32); 9] = [
        (256, 1 << 31),
        (257, 1 << 31),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, 1 << 31),
        (279, u32::MAX),
    ];
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("deep.npy", shape("1152921504606846976, 1, 1")),
        ("wide.npy", shape("1048576, 1048576, 1048576")),
        ("more.npy", shape("18446744073709551615, 18446744073709551615, 2")),
        ("long.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'".to_vec()),
        ("a.nii", nifti([3, 32767, 32767, 32767, 1, 1, 1, 1])),
        ("b.nii", nifti([7, 32767, 32767, 32767, 32767, 32767, 32767, 32767])),
        ("a.tif", tiff(&images)),
        ("b.tif", tiff(&[(256, u32::MAX), (257, u32::MAX), (258, 64), (277, 60000)])),
        ("a.png", png(1 << 30, 1 << 30)),
        ("b.png", png(i32::MAX.cast_unsigned(), 1)),
    ];
    for (name, bytes) in files {
        fs::write(bench.path(name), bytes).expect("written");
        refused(&bench, &format!("import {name} vol"));
    }
    fs::write(bench.path("a.raw"), [1; 100]).expect("written");
    refused(&bench, "import a.raw vol --size 1000000,1000000,1000000 --dtype uint64");
    refused(&bench, "import a.raw vol --size 18446744073709551615,3,3 --dtype uint64");
}

/// Runs a line that must end with an error of ours, within an address space that a claim, believed,
/// would burst: the system refuses it, and the process would be aborted.
fn refused(bench: &Bench, line: &str) {
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 1572864 && exec \"$0\" \"$@\""])
        .arg(bench.command())
        .args(line.split_whitespace())
        .current_dir(bench.path(""))
        .output()
        .expect("a shell");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{line}: {said}");
    assert!(said.contains("error: ") && !said.contains("panicked"), "{line}: {said}");
    assert!(!bench.path("vol").exists(), "{line}: something was made");
}

/// A description of an enormous volume.
fn enormous(sharding: &str) -> String {
    format!(
        r#"{{"@type": "neuroglancer_multiscale_volume", "type": "image", "data_type": "uint8", "num_channels": 1, "scales": [
        {{"key": "1_1_1", "size": [1152921504606846976, 1152921504606846976, 1152921504606846976],
          "resolution": [1, 1, 1], "chunk_sizes": [[64, 64, 64]], "encoding": "raw"{sharding}}}]}}"#
    )
}

#[test]
fn an_enormous_volume_is_described_read_and_written_like_any_other() {
    let Some(bench) = Bench::new() else { return };
    fs::write(bench.path("info.json"), enormous("")).expect("written");
    bench.npy("a.npy", "|u1", "64, 64, 64", &[7; 64 * 64 * 64]);
    for line in [
        "create vol --info info.json",
        "info vol",
        "info vol --json",
        "write vol a.npy --at 64,64,64",
        "points vol --at 64,64,64 0,0,0 1152921504606846975,0,0",
        "cutout vol --box 60:70,60:70,60:70 -o a.raw",
        "missing vol --box 0:64,0:64,0:64",
        "rm vol --box 64:128,64:128,64:128",
        "rm vol --scale 0",
    ] {
        let (output, peak) = measure(&bench, line);
        assert!(output.status.success(), "{line}: {}", text(&output));
        assert!(peak <= FIXED, "{line}: {} MiB", peak / MIB);
    }
    let (output, peak) = measure(&bench, "cutout vol -o all.raw");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("choose a smaller box"), "{}", text(&output));
    assert!(peak <= FIXED, "{} MiB", peak / MIB);
}

/// The most bytes that were allocated at once.
fn allocated(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).bytes_max
}

#[test]
fn descriptions_and_chunks_that_claim_to_be_enormous_allocate_nothing_for_it() {
    let sharding = |preshift: &str, minishard: &str, shard: &str| {
        format!(
            r#", "sharding": {{"@type": "neuroglancer_uint64_sharded_v1", "preshift_bits": {preshift}, "hash": "identity", "minishard_bits": {minishard}, "shard_bits": {shard}}}"#
        )
    };
    let documents = [
        enormous(""),
        enormous(&sharding("9", "6", "15")),
        enormous(&sharding("0", "60", "0")),
        enormous(&sharding("64", "64", "64")),
        enormous(&sharding("0", "0", "64")),
        enormous(&sharding("18446744073709551615", "18446744073709551615", "1")),
        enormous("").replace("[64, 64, 64]", "[1152921504606846976, 1152921504606846976, 64]"),
        enormous("").replace("\"num_channels\": 1", "\"num_channels\": 18446744073709551615"),
        enormous("").replace("1152921504606846976", "1e300"),
    ];
    for document in documents {
        let most = allocated(|| {
            let Ok(parsed) = VolumeInfo::parse(document.as_bytes()) else { return };
            let store = bigarrays::memory::MemoryBackend::new();
            let Ok(array) = BigArray::create(store, parsed.info) else { return };
            // A chunk that cannot be had is an error, and one that is absent takes no memory.
            let _ = array.read::<u8>([0..3, 0..3, 0..3]);
            let _ = array.read_points::<u8>(&[[0; 3], [1 << 40, 5, 5]]);
            let _ = array.missing_chunks([0..3, 0..3, 0..3]);
        });
        assert!(most < MIB, "{most} bytes for {document}");
    }
}

#[test]
fn stored_bytes_that_claim_to_be_enormous_allocate_no_more_than_their_chunk() {
    use bigarrays::backend::{KeyValueBackend, Precondition, Value, wait};
    let headers: [(&str, Vec<u8>); 6] = [
        ("compressed_segmentation", [u32::MAX; 64].iter().flat_map(|n| n.to_le_bytes()).collect()),
        ("png", png(1 << 30, 1 << 30)),
        ("jpeg", b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xd9".to_vec()),
        ("compresso", [b"cpso\x01", &[0xff; 60][..]].concat()),
        ("crackle", [b"crkl\x01", &[0xff; 60][..]].concat()),
        ("raw", vec![0x1f, 0x8b, 8, 0, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (encoding, bytes) in headers {
        let data_type = match encoding {
            "png" | "jpeg" | "raw" => DataType::Uint8,
            _ => DataType::Uint32,
        };
        let chunk_bytes = 64 * 64 * 64 * data_type.size() as u64;
        let info = VolumeInfo::builder(data_type, [64; 3])
            .chunk_size([64; 3])
            .encoding(encoding.parse().expect("an encoding"));
        let store = bigarrays::memory::MemoryBackend::new();
        let array =
            BigArray::create(store.clone(), info.build().expect("described")).expect("a volume");
        let key = array.chunk_key([0; 3]).expect("a key");
        let put = store.put(&key, Value::plain(bytes), Precondition::Always);
        assert!(wait(put).expect("stored").is_written());
        let most = allocated(|| {
            let refused = array.read_dyn([0..3, 0..3, 0..3]);
            assert!(matches!(refused, Err(bigarrays::Error::BadChunk { .. })), "{refused:?}");
        });
        assert!(most <= 3 * chunk_bytes + MIB, "{encoding}: {most} bytes");
    }
}
