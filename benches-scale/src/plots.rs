//! Which columns of a table are drawn.

use benches_scale::plot::{Axis, Line, Plot, Scale};
use benches_scale::table::Table;

type Plots = Vec<(&'static str, Plot)>;

const fn log(label: &'static str) -> Axis {
    Axis { label, scale: Scale::Log }
}

const fn linear(label: &'static str) -> Axis {
    Axis { label, scale: Scale::Linear }
}

pub(crate) fn size(table: &Table) -> Plots {
    let lines = [
        ("sharded, first cutout", "sharded", "first cutout"),
        ("sharded, first voxel", "sharded", "first voxel"),
        ("plain, cutout", "plain", "first cutout"),
        ("sharded, same cutout", "sharded", "same cutout"),
        ("sharded, voxel beside it", "sharded", "voxel beside it"),
        ("plain, voxel", "plain", "first voxel"),
    ];
    let lines = lines.into_iter().enumerate().map(|(colour, (label, layout, operation))| {
        let of = [("layout", layout), ("operation", operation)];
        Line::new(label, colour, table.points(&of, "chunks", "seconds"))
    });
    let title = "Reading a voxel or 128³ does not depend on the size of the volume";
    let plot = Plot {
        title,
        x: log("chunks in the volume"),
        y: linear("seconds"),
        lines: lines.collect(),
    };
    vec![("size", plot)]
}

pub(crate) fn planning(table: &Table) -> Plots {
    let lines = [("512 chunks", "512"), ("64 chunks", "64"), ("8 chunks", "8"), ("1 chunk", "1")];
    let lines = lines.into_iter().enumerate().map(|(colour, (label, chunks))| {
        let of = [("chunks_of_cutout", chunks)];
        Line::new(label, colour, table.points(&of, "chunks", "allocations"))
    });
    let title = "Planning a cutout: allocations by its chunks, not by the volume's";
    let lines = lines.collect();
    vec![("planning", Plot { title, x: log("chunks in the volume"), y: log("allocations"), lines })]
}

pub(crate) fn listing(table: &Table) -> Plots {
    let lines = [
        ("list, chunks", "plain", "list"),
        ("list, shards", "sharded", "list"),
        ("verify, chunks", "plain", "verify"),
    ];
    let of = |layout, operation| [("layout", layout), ("operation", operation)];
    let draw = |y: &'static str| {
        let lines = lines.into_iter().enumerate().map(|(colour, (label, layout, operation))| {
            Line::new(label, colour, table.points(&of(layout, operation), "keys", y))
        });
        lines.collect::<Vec<_>>()
    };
    let time = Plot {
        title: "A listing takes its pages, one after another",
        x: log("keys listed"),
        y: log("seconds"),
        lines: draw("seconds").into_iter().take(2).collect(),
    };
    let memory = Plot {
        title: "What a listing has in memory",
        x: log("keys listed"),
        y: log("bytes at most"),
        lines: draw("peak_bytes"),
    };
    vec![("listing", time), ("listing_memory", memory)]
}

pub(crate) fn shards(table: &Table) -> Plots {
    let of = [("varied", "minishard")];
    let points = |y| table.points(&of, "minishards", y);
    let lines = vec![
        Line::new("first cutout of 128³", 0, points("first_cutout_seconds")),
        Line::new("first voxel", 1, points("first_voxel_seconds")),
        Line::new("voxel beside it", 2, points("voxel_beside_it_seconds")),
    ];
    let title = "Shards of 16 384 chunks: time by the number of minishards";
    vec![("shards", Plot { title, x: log("minishards in a shard"), y: linear("seconds"), lines })]
}

pub(crate) fn shapes(table: &Table) -> Plots {
    let boxes = [
        ("512³", "512^3"),
        ("512² slice", "512^2 slice"),
        ("128³", "128^3"),
        ("32³", "32^3"),
        ("one voxel", "voxel"),
    ];
    let draw = |y: &'static str| {
        let lines = boxes.into_iter().enumerate().map(|(colour, (label, name))| {
            Line::new(label, colour, table.points(&[("box", name)], "chunk_bytes", y))
        });
        lines.collect::<Vec<_>>()
    };
    let x = log("bytes of a chunk (16³ to 256³ voxels of one byte)");
    let time = Plot {
        title: "Time of a cutout by the size of chunks (256 requests in flight)",
        x,
        y: log("seconds"),
        lines: draw("seconds"),
    };
    let bytes = Plot {
        title: "Bytes read for each voxel wanted, by the size of chunks",
        x,
        y: log("bytes a voxel"),
        lines: draw("bytes_a_voxel_wanted").into_iter().take(4).collect(),
    };
    vec![("shapes", time), ("shapes_bytes", bytes)]
}

pub(crate) fn clients(table: &Table) -> Plots {
    let lines = [
        ("1 client", "1", "none"),
        ("1, cache checked", "1", "checked"),
        ("1, cache trusted", "1", "trusted"),
        ("64 clients", "64", "none"),
        ("64, caches checked", "64", "checked"),
        ("64, caches trusted", "64", "trusted"),
    ];
    let lines = lines.into_iter().enumerate().map(|(colour, (label, clients, cache))| {
        let of = [("clients", clients), ("cache", cache)];
        Line::new(label, colour, table.points(&of, "cutouts", "milliseconds_a_cutout"))
    });
    let title = "Many cutouts of 32³: time for each";
    let (x, y) = (log("cutouts"), log("milliseconds a cutout"));
    vec![("clients", Plot { title, x, y, lines: lines.collect() })]
}

pub(crate) fn concurrency(table: &Table) -> Plots {
    let points = |way, y| table.points(&[("way", way)], "in_flight", y);
    let seen = "megabytes_a_second";
    let limit = "limit_megabytes_a_second";
    let lines = vec![
        Line::new("128³ chunks, 2 GiB", 0, points("128^3 chunks, memory 2 GiB", seen)),
        Line::new("128³ chunks, 256 MiB", 1, points("128^3 chunks", seen)),
        Line::new("limit, 128³ chunks", 5, points("128^3 chunks", limit)).limit(),
        Line::new("64³ chunks", 2, points("64^3 chunks", seen)),
        Line::new("64 clients, 64³ chunks", 3, points("64 clients", seen)),
        Line::new("limit, 64³ chunks", 4, points("64 clients", limit)).limit(),
    ];
    let title = "Throughput by requests in flight";
    let (x, y) = (log("requests in flight"), log("MB/s"));
    vec![("concurrency", Plot { title, x, y, lines })]
}
