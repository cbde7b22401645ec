//! What a scale says of how its chunks are to be written.

use bigarrays_info::Scale;

use super::ffi::Mode;

/// How to write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parameters {
    pub(super) mode: Mode,
    /// The axes x, y, z, channel on which values go smoothly. At least one.
    pub(super) correlated: [bool; 4],
}

impl Parameters {
    /// The parameters of a scale, or what is wrong with them.
    pub(super) fn of(scale: &Scale) -> Result<Self, &'static str> {
        Ok(Self { mode: mode(scale)?, correlated: correlated(scale)? })
    }
}

fn mode(scale: &Scale) -> Result<Mode, &'static str> {
    let given = [
        number(scale, "zfpc_rate")?.map(Mode::Rate),
        number(scale, "zfpc_precision")?.map(Mode::Precision),
        number(scale, "zfpc_tolerance")?.map(Mode::Tolerance),
    ];
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (None, _) => Ok(Mode::Reversible),
        (Some(mode), None) => Ok(mode),
        _ => Err("the scale has more than one of zfpc_rate, zfpc_precision and zfpc_tolerance: \
                  leave one"),
    }
}

/// A number that is not negative; CloudVolume has -1 where there is none.
fn number(scale: &Scale, key: &str) -> Result<Option<f64>, &'static str> {
    match scale.extra.get(key) {
        Some(value) if !value.is_null() => match value.as_f64() {
            Some(number) => Ok((number >= 0.0).then_some(number)),
            None => Err("zfpc_rate, zfpc_precision and zfpc_tolerance must be numbers"),
        },
        _ => Ok(None),
    }
}

fn correlated(scale: &Scale) -> Result<[bool; 4], &'static str> {
    const FORM: &str = "zfpc_correlated_dims must be four of true and false";
    let Some(value) = scale.extra.get("zfpc_correlated_dims").filter(|value| !value.is_null())
    else {
        return Ok([true; 4]);
    };
    let mut axes = Vec::new();
    for axis in value.as_array().ok_or(FORM)? {
        axes.push(axis.as_bool().ok_or(FORM)?);
    }
    let axes = <[bool; 4]>::try_from(axes).map_err(|_| FORM)?;
    if axes == [false; 4] {
        return Err("zfpc_correlated_dims must be true for one axis at least");
    }
    Ok(axes)
}
