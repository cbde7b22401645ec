//! Results as tab-separated text.

use std::fmt::{self, Write};

/// Rows of what was measured.
#[derive(Debug, Clone)]
pub struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub const fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row, of as many values as there are columns.
    pub fn push(&mut self, row: &[&dyn fmt::Display]) {
        self.rows.push(row.iter().map(ToString::to_string).collect());
    }

    /// The points of two columns, of the rows that have such words in such columns.
    #[must_use]
    pub fn points(&self, of: &[(&str, &str)], x: &str, y: &str) -> Vec<(f64, f64)> {
        let at = |name: &str| self.columns.iter().position(|column| *column == name);
        let value =
            |row: &[String], name: &str| -> Option<f64> { row.get(at(name)?)?.parse().ok() };
        let is_wanted = |row: &&Vec<String>| {
            of.iter().all(|(name, word)| at(name).is_some_and(|at| row[at] == *word))
        };
        let rows = self.rows.iter().filter(is_wanted);
        rows.filter_map(|row| Some((value(row, x)?, value(row, y)?))).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.columns.join("\t"))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{}", row.join("\t")))
    }
}

/// A number with so many digits that matter.
#[must_use]
pub fn short(number: f64) -> String {
    let mut text = String::new();
    let digits = match number.abs() {
        0.0 => 0,
        size if size < 0.1 => 5,
        size if size < 10.0 => 3,
        size if size < 1000.0 => 1,
        _ => 0,
    };
    // Writing to a string cannot fail.
    let _ = write!(text, "{number:.digits$}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_those_of_the_rows_asked_for() {
        let mut table = Table::new(&["mode", "n", "seconds"]);
        table.push(&[&"a", &1, &0.5]);
        table.push(&[&"b", &1, &7.5]);
        table.push(&[&"a", &2, &"?"]);
        assert_eq!(table.points(&[("mode", "a")], "n", "seconds"), [(1.0, 0.5)]);
        assert_eq!(table.to_string().lines().nth(2), Some("b\t1\t7.5"));
    }
}
