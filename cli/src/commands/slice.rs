//! `bigarrays slice`: one plane of a volume, in the terminal or as a PNG.

use std::path::Path;

use bigarrays::info::{DataType, VolumeType};
use bigarrays::{BigArray, BoundingBox, Scale};
use serde_json::json;

use crate::args::{ColoursArg, SliceArgs};
use crate::console::Console;
use crate::error::CliError;
use crate::interrupt;
use crate::picture::{Colours, Look, Picture};
use crate::volume;

/// Characters of a line where nobody says how many there are.
const COLUMNS: usize = 80;
/// Rows that stay free for what is said below, and for the prompt.
const FREE_ROWS: usize = 3;
const AXES: [char; 3] = ['x', 'y', 'z'];

/// A plane of a scale.
#[derive(Debug, Clone, Copy)]
struct Plane {
    normal: usize,
    at: i64,
    /// One voxel thick along the normal.
    bbox: BoundingBox,
}

impl Plane {
    /// The axes to the right and downwards.
    const fn sides(self) -> [usize; 2] {
        match self.normal {
            0 => [2, 1],
            1 => [0, 2],
            _ => [0, 1],
        }
    }

    fn extent(self, axis: usize) -> u64 {
        self.bbox.shape()[axis]
    }

    /// The sides in nanometres.
    fn lengths(self, scale: &Scale) -> [f64; 2] {
        self.sides().map(|axis| to_f64(self.extent(axis)) * scale.resolution[axis])
    }
}

pub(crate) fn run(args: &SliceArgs, console: Console) -> Result<(), CliError> {
    if let Some(path) = &args.output {
        let extension = path.extension().unwrap_or_default();
        if !extension.eq_ignore_ascii_case("png") {
            return Err(CliError::usage(format!("a slice is a .png, not {}", path.display())));
        }
    }
    let array = volume::open_to_read(&args.url, args.scale.as_deref())?;
    let is_labels = is_labels(args, &array)?;
    let plane = plane(args, &array)?;
    let room = room(args, console);
    let (array, plane) = match room {
        Some(room) if args.scale.is_none() => coarser(array, plane, room)?,
        _ => (array, plane),
    };
    check_size(args, &array, plane)?;

    let _hold = interrupt::hold();
    let bar = console.bar("reading", array.chunk_count(plane.bbox));
    let array = array.with_progress(bar);
    let voxels = array.read_dyn(plane.bbox)?.array;
    let look =
        Look { normal: plane.normal, channel: args.channel, black: args.min, white: args.max };
    let (picture, window) = if is_labels {
        (Picture::labels_across(&voxels, plane.normal, args.channel.unwrap_or(0)), None)
    } else {
        let (picture, window) = Picture::image(&voxels, look);
        (picture, Some(window))
    };
    let picture = if plane.normal == 0 { picture.transposed() } else { picture };
    match (&args.output, room) {
        (Some(path), _) => picture.save_png(path)?,
        (None, Some(room)) if !console.is_json() => {
            let size = fit(plane.lengths(array.scale()), room);
            show(&picture, size, is_labels, colours(args, console), console);
        }
        _ => {}
    }
    tell(args, &array, plane, &picture, window, console);
    Ok(())
}

/// Whether values are labels.
fn is_labels(args: &SliceArgs, array: &BigArray) -> Result<bool, CliError> {
    let channels = array.channels();
    if let Some(channel) = args.channel.filter(|&channel| channel >= channels) {
        return Err(CliError::refused(format!(
            "there is no channel {channel}; the volume has {channels}, from 0"
        )));
    }
    let is_float = matches!(array.data_type(), DataType::Float32 | DataType::Float64);
    if args.labels && is_float {
        return Err(CliError::refused(format!(
            "{} values are no labels",
            array.data_type().name()
        )));
    }
    // Who says what is black wants to see values.
    let is_segmentation = array.info().volume_type == VolumeType::Segmentation;
    let has_window = args.min.is_some() || args.max.is_some();
    Ok(args.labels || (is_segmentation && !is_float && !has_window))
}

/// The plane that is asked for, in the scale of the array.
fn plane(args: &SliceArgs, array: &BigArray) -> Result<Plane, CliError> {
    let bounds = array.bounds();
    let wanted = args.bbox.map_or(bounds, |bbox| bbox.within(bounds));
    let bbox = bounds.intersection(&wanted);
    if bbox.is_empty() {
        return Err(CliError::refused(format!("{wanted} is outside; the volume is {bounds}")));
    }
    let middle = bbox.min[2].midpoint(bbox.max[2]);
    let (normal, at) = [args.x, args.y, args.z]
        .into_iter()
        .enumerate()
        .find_map(|(axis, at)| Some((axis, at?)))
        .unwrap_or((2, middle));
    if !(bbox.min[normal]..bbox.max[normal]).contains(&at) {
        let axis = AXES[normal];
        let place = if args.bbox.is_some() { "box" } else { "volume" };
        return Err(CliError::refused(format!(
            "{axis} {at} is outside; the {place} has {axis} {} to {}",
            bbox.min[normal],
            bbox.max[normal] - 1,
        )));
    }
    Ok(across(bbox, normal, at))
}

fn across(mut bbox: BoundingBox, normal: usize, at: i64) -> Plane {
    bbox.min[normal] = at;
    bbox.max[normal] = at + 1;
    Plane { normal, at, bbox }
}

/// The most pixels that the terminal has to the right and downwards; none if it gets no picture.
fn room(args: &SliceArgs, console: Console) -> Option<[usize; 2]> {
    if args.output.is_some() {
        return None;
    }
    let terminal = console.terminal_size();
    let columns = match (args.width, terminal) {
        (Some(width), _) => width.get(),
        (None, Some([columns, _])) => columns.max(1),
        (None, None) => COLUMNS,
    };
    // Two pixels in a row of characters. Who gives a width has a reason, and scrolls.
    let rows = match (args.width, terminal) {
        (None, Some([_, rows])) => rows.saturating_sub(FREE_ROWS).max(4) * 2,
        _ => usize::MAX,
    };
    Some([columns, rows])
}

/// How large the picture is in the terminal, with square pixels.
fn fit([right, down]: [f64; 2], [columns, rows]: [usize; 2]) -> [usize; 2] {
    let rows = rows.min(columns.saturating_mul(64));
    let pixel = (right / to_f64(columns as u64)).max(down / to_f64(rows as u64));
    [right, down].map(|length| to_pixels(length / pixel))
}

/// The plane in the coarsest scale that has a voxel for each pixel.
fn coarser(array: BigArray, plane: Plane, room: [usize; 2]) -> Result<(BigArray, Plane), CliError> {
    let base = array.scale().clone();
    let lengths = plane.lengths(&base);
    let pixels = fit(lengths, room);
    let nanometres = plane.sides().map(|axis| base.resolution[axis]);
    let enough = |scale: &Scale| {
        (0..2).all(|side| {
            let voxels = lengths[side] / scale.resolution[plane.sides()[side]];
            voxels >= to_f64(pixels[side] as u64)
                || scale.resolution[plane.sides()[side]] <= nanometres[side]
        })
    };
    let coarsest = array
        .scales()
        .iter()
        .enumerate()
        .filter(|(_, scale)| !scale.hidden && !scale.is_placeholder() && enough(scale))
        .max_by(|(_, a), (_, b)| volume_of(a).total_cmp(&volume_of(b)));
    let Some((index, scale)) = coarsest.filter(|(index, _)| *index != array.scale_index()) else {
        return Ok((array, plane));
    };
    let ratio: [f64; 3] =
        std::array::from_fn(|axis| base.resolution[axis] / scale.resolution[axis]);
    let array = array.at_scale(index)?;
    let bounds = array.bounds();
    // The same place; its voxels may begin elsewhere, so a coarse one at the edge is moved inside.
    let down = |axis: usize, at: i64| to_voxel((to_f64_signed(at) * ratio[axis]).floor());
    let up = |axis: usize, at: i64| to_voxel((to_f64_signed(at) * ratio[axis]).ceil());
    let normal = plane.normal;
    let at = down(normal, plane.at).clamp(bounds.min[normal], bounds.max[normal] - 1);
    let same = BoundingBox::new(
        std::array::from_fn(|axis| down(axis, plane.bbox.min[axis])),
        std::array::from_fn(|axis| up(axis, plane.bbox.max[axis])),
    );
    let coarse = across(same, normal, at);
    let bbox = bounds.intersection(&coarse.bbox);
    if bbox.is_empty() {
        // A box that is smaller than what a coarse voxel is out of place.
        return Ok((array.at_scale(0)?, plane));
    }
    Ok((array, Plane { bbox, ..coarse }))
}

/// The size of a voxel.
fn volume_of(scale: &Scale) -> f64 {
    scale.resolution.iter().product()
}

/// Voxels and pixels are in memory at once.
fn check_size(args: &SliceArgs, array: &BigArray, plane: Plane) -> Result<(), CliError> {
    let pixels: u128 = plane.bbox.shape().iter().map(|&extent| u128::from(extent)).product();
    let each = array.data_type().size() * array.channels() + 3;
    let needed = pixels.saturating_mul(each as u128);
    if needed <= u128::from(args.memory.0) {
        return Ok(());
    }
    Err(CliError::refused(format!(
        "this slice needs {} of memory; choose a --box, a coarser --scale or more --memory",
        volume::bytes(needed),
    )))
}

fn colours(args: &SliceArgs, console: Console) -> Colours {
    match args.colours {
        ColoursArg::Auto => console.colours(),
        ColoursArg::True => Colours::True,
        ColoursArg::Indexed => Colours::Indexed,
        ColoursArg::None => Colours::None,
    }
}

/// Prints the picture. Labels have no mean.
fn show(picture: &Picture, size: [usize; 2], is_labels: bool, colours: Colours, console: Console) {
    let [width, height] = size;
    let fitted =
        if is_labels { picture.resized(width, height) } else { picture.averaged(width, height) };
    console.line(&fitted.terminal(colours));
}

/// What is seen.
fn tell(
    args: &SliceArgs,
    array: &BigArray,
    plane: Plane,
    picture: &Picture,
    window: Option<[f64; 2]>,
    console: Console,
) {
    let axis = AXES[plane.normal];
    let [right, down] = plane.sides().map(|side| AXES[side]);
    let [width, height] = picture.size();
    let scale = array.scale_index();
    let facts = json!({
        "url": args.url.to_string(),
        "plane": { axis.to_string(): plane.at },
        "scale": scale,
        "box": { "min": plane.bbox.min, "max": plane.bbox.max },
        "right": right.to_string(),
        "down": down.to_string(),
        "size": [width, height],
        "black": window.map(|[black, _]| black),
        "white": window.map(|[_, white]| white),
        "output": args.output,
    });
    let of_scale =
        if array.scales().len() > 1 { format!(" of scale {scale}") } else { String::new() };
    let values = window.map_or("labels".to_owned(), |[black, white]| format!("{black} to {white}"));
    let target = args.output.as_deref().map(Path::display);
    let target = target.map_or(String::new(), |path| format!(", to {path}"));
    let place = plane.at;
    let text = format!(
        "{axis} {place}{of_scale}, {right} right {width}, {down} down {height} voxels, {values}{target}"
    );
    if args.output.is_some() || console.is_json() {
        console.facts(&facts, &text);
    } else {
        // The picture is the result; this is beside it.
        console.note(&text);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a length for the eye")]
const fn to_f64(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "no volume is 2^53 voxels away")]
const fn to_f64_signed(at: i64) -> f64 {
    at as f64
}

#[expect(clippy::cast_possible_truncation, reason = "no volume is 2^53 voxels away")]
const fn to_voxel(at: f64) -> i64 {
    at as i64
}

/// At least one, and no more than a terminal can have.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn to_pixels(length: f64) -> usize {
    length.round().clamp(1.0, 1e6) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_fit_the_terminal_with_square_pixels() {
        assert_eq!(fit([1000.0, 500.0], [80, 1000]), [80, 40]);
        assert_eq!(fit([500.0, 1000.0], [80, 40]), [20, 40]);
        assert_eq!(fit([1.0, 1e9], [80, usize::MAX]), [1, 80 * 64]);
        assert_eq!(fit([1e9, 1.0], [80, 40]), [80, 1]);
    }
}
