//! Plots as SVG, small enough to be read as text.
//!
//! Each has a light ground of its own, so that it reads well on pages of any colour.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
/// The corners of the field: left, top, right, bottom.
const FIELD: [f64; 4] = [76.0, 52.0, 560.0, 344.0];
/// Colours that those who see colours differently can tell apart.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#aa3377", "#e69f00", "#555555"];

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// From 0 on.
    Linear,
    /// By powers of ten.
    Log,
}

/// One axis.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    /// What it shows, with the unit.
    pub label: &'static str,
    /// How it is divided.
    pub scale: Scale,
}

/// One line of points.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its words in the legend.
    pub label: &'static str,
    /// The points.
    pub points: Vec<(f64, f64)>,
    /// The number of its colour.
    pub colour: usize,
    /// A limit, not something measured.
    pub is_limit: bool,
}

impl Line {
    /// A line of something measured.
    #[must_use]
    pub const fn new(label: &'static str, colour: usize, points: Vec<(f64, f64)>) -> Self {
        Self { label, points, colour, is_limit: false }
    }

    /// The same as a limit: dashed, without dots.
    #[must_use]
    pub const fn limit(mut self) -> Self {
        self.is_limit = true;
        self
    }
}

/// A plot.
#[derive(Debug, Clone)]
pub struct Plot {
    /// What it shows.
    pub title: &'static str,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// What is drawn.
    pub lines: Vec<Line>,
}

/// An axis with its range, and its place in the picture.
struct Ruler {
    scale: Scale,
    values: [f64; 2],
    pixels: [f64; 2],
}

impl Ruler {
    fn of(scale: Scale, values: impl Iterator<Item = f64>, pixels: [f64; 2]) -> Self {
        let (least, most) = values
            .filter(|value| scale == Scale::Linear || *value > 0.0)
            .fold((f64::INFINITY, 0.0_f64), |(least, most), value| {
                (least.min(value), most.max(value))
            });
        let values = match scale {
            Scale::Linear => [0.0, most * 1.05],
            Scale::Log => [10_f64.powf(least.log10().floor()), 10_f64.powf(most.log10().ceil())],
        };
        Self { scale, values, pixels }
    }

    fn place(&self, value: f64) -> f64 {
        let [from, to] = self.values;
        let share = match self.scale {
            Scale::Linear => (value - from) / (to - from),
            Scale::Log => (value / from).log10() / (to / from).log10(),
        };
        self.pixels[0] + share * (self.pixels[1] - self.pixels[0])
    }

    fn ticks(&self) -> Vec<f64> {
        let [from, to] = self.values;
        match self.scale {
            Scale::Log => std::iter::successors(Some(from), |tick| Some(tick * 10.0))
                .take_while(|tick| *tick <= to * 1.001)
                .collect(),
            Scale::Linear => {
                let rough = to / 5.0;
                let power = 10_f64.powf(rough.log10().floor());
                let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
                let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(rough);
                std::iter::successors(Some(0.0), |tick| Some(tick + step))
                    .take_while(|tick| *tick <= to)
                    .collect()
            }
        }
    }

    fn text(&self, tick: f64) -> String {
        match self.scale {
            Scale::Log if !(0.001..10_000.0).contains(&tick) => {
                format!("10<tspan dy=\"-5\" font-size=\"9\">{}</tspan>", tick.log10().round())
            }
            Scale::Linear | Scale::Log => format!("{}", (tick * 1e6).round() / 1e6),
        }
    }
}

impl Plot {
    /// The picture.
    #[must_use]
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut svg);
        svg
    }

    fn write(&self, svg: &mut String) -> std::fmt::Result {
        let [left, top, right, bottom] = FIELD;
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let x = Ruler::of(self.x.scale, points().map(|point| point.0), [left, right]);
        let y = Ruler::of(self.y.scale, points().map(|point| point.1), [bottom, top]);
        writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" \
             fill=\"#222\" role=\"img\" aria-label=\"{}\">",
            self.title
        )?;
        writeln!(
            svg,
            "<rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"#fcfcfa\" \
             stroke=\"#bbb\"/>",
            WIDTH - 1.0,
            HEIGHT - 1.0
        )?;
        writeln!(
            svg,
            "<text x=\"{left}\" y=\"30\" font-size=\"15\" font-weight=\"bold\">{}</text>",
            self.title
        )?;
        for tick in x.ticks() {
            let at = x.place(tick);
            writeln!(svg, "<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#ddd\"/>")?;
            writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                bottom + 18.0,
                x.text(tick)
            )?;
        }
        for tick in y.ticks() {
            let at = y.place(tick);
            writeln!(svg, "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#ddd\"/>")?;
            writeln!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 7.0,
                at + 4.0,
                y.text(tick)
            )?;
        }
        let (middle, centre) = ((left + right) / 2.0, (top + bottom) / 2.0);
        writeln!(
            svg,
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 42.0,
            self.x.label
        )?;
        writeln!(
            svg,
            "<text transform=\"translate(22 {centre}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            self.y.label
        )?;
        for (number, line) in self.lines.iter().enumerate() {
            Self::draw(svg, line, number, &x, &y)?;
        }
        writeln!(svg, "</svg>")
    }

    fn draw(
        svg: &mut String,
        line: &Line,
        number: usize,
        x: &Ruler,
        y: &Ruler,
    ) -> std::fmt::Result {
        let colour = COLOURS[line.colour % COLOURS.len()];
        let dash = if line.is_limit { " stroke-dasharray=\"5 4\"" } else { "" };
        let places: Vec<_> =
            line.points.iter().map(|point| (x.place(point.0), y.place(point.1))).collect();
        let path: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
            path.join(" ")
        )?;
        let legend = FIELD[1] + 10.0 + number as f64 * 22.0;
        let [begin, end] = [FIELD[2] + 16.0, FIELD[2] + 40.0];
        writeln!(
            svg,
            "<path d=\"M{begin} {legend}H{end}\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>"
        )?;
        if !line.is_limit {
            for (x, y) in places.into_iter().chain([(f64::midpoint(begin, end), legend)]) {
                writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.2\" fill=\"{colour}\"/>")?;
            }
        }
        writeln!(svg, "<text x=\"{}\" y=\"{}\">{}</text>", end + 7.0, legend + 4.0, line.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_the_ticks_of_a_logarithmic_axis() {
        let ruler = Ruler::of(Scale::Log, [0.02, 7.0].into_iter(), [0.0, 300.0]);
        assert_eq!(ruler.ticks().len(), 4);
        assert!((ruler.place(0.1) - 100.0).abs() < 1e-9);
        let linear = Ruler::of(Scale::Linear, [3.0, 97.0].into_iter(), [0.0, 1.0]);
        assert_eq!(linear.ticks(), [0.0, 50.0, 100.0]);
    }
}
