//! Connected components of the voxels that are not boundary.
//!
//! They are found run by run along x, not voxel by voxel: a row of a segmentation has few runs.

use std::ops::Range;

use super::boundaries::{Boundaries, places};
use super::header::Connectivity;

/// Voxels `start..end` of a row, none of them boundary, with a boundary or the edge at both sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The number of its component, from 0. While they are being found: a run of the same component
    /// that is not after this one.
    pub(super) component: usize,
}

/// The runs of some slices; made once, used for slice after slice.
#[derive(Debug, Default)]
pub(super) struct Components {
    runs: Vec<Run>,
    row_ends: Vec<usize>,
}

impl Components {
    /// Finds the components of some slices, numbers them by their first voxel, and returns how many
    /// they are.
    pub(super) fn find(
        &mut self,
        boundaries: &Boundaries,
        slices: Range<usize>,
        connectivity: Connectivity,
    ) -> usize {
        self.runs.clear();
        self.row_ends.clear();
        let [sx, sy, _] = boundaries.shape();
        for z in slices.clone() {
            for y in 0..sy {
                let begin = self.runs.len();
                self.add_runs(boundaries.row(y, z), sx);
                let row = self.row_ends.len();
                if y > 0 {
                    self.join(row - 1, begin);
                }
                if connectivity == Connectivity::Six && z > slices.start {
                    self.join(row - sy, begin);
                }
                self.row_ends.push(self.runs.len());
            }
        }
        self.number()
    }

    /// The runs of each row, rows in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[Run]> {
        (0..self.row_ends.len()).map(|row| &self.runs[self.row(row)])
    }

    fn row(&self, row: usize) -> Range<usize> {
        let begin = row.checked_sub(1).map_or(0, |before| self.row_ends[before]);
        begin..self.row_ends[row]
    }

    fn add_runs(&mut self, row: &[u64], sx: usize) {
        // A run begins and ends where a bit differs from the one before; before the row is boundary.
        let mut before = 1;
        let mut open = None;
        for (word, &bits) in row.iter().enumerate() {
            let changes = bits ^ (bits << 1 | before);
            before = bits >> 63;
            for place in places(changes) {
                let x = word * 64 + place;
                match open.take() {
                    None => open = Some(x),
                    Some(start) => self.push(start, x),
                }
            }
        }
        // Bits past the end are set, so that only a row of whole words leaves a run open.
        if let Some(start) = open.filter(|&start| start < sx) {
            self.push(start, sx);
        }
    }

    fn push(&mut self, start: usize, end: usize) {
        self.runs.push(Run { start, end, component: self.runs.len() });
    }

    /// Joins the runs from `begin` on with those of an earlier row that they touch.
    fn join(&mut self, row: usize, begin: usize) {
        let earlier = self.row(row);
        let mut other = earlier.start;
        let mut this = begin;
        while this < self.runs.len() && other < earlier.end {
            let (a, b) = (self.runs[this], self.runs[other]);
            if a.start < b.end && b.start < a.end {
                self.unite(this, other);
            }
            if a.end < b.end {
                this += 1;
            } else {
                other += 1;
            }
        }
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let (first, second) = (one.min(other), one.max(other));
        self.runs[second].component = first;
    }

    fn root(&mut self, mut run: usize) -> usize {
        loop {
            let parent = self.runs[run].component;
            if parent == run {
                return run;
            }
            let grandparent = self.runs[parent].component;
            self.runs[run].component = grandparent;
            run = grandparent;
        }
    }

    /// Turns links into numbers. A link leads to an earlier run, which has its number already.
    fn number(&mut self) -> usize {
        let mut count = 0;
        for run in 0..self.runs.len() {
            let parent = self.runs[run].component;
            if parent == run {
                self.runs[run].component = count;
                count += 1;
            } else {
                self.runs[run].component = self.runs[parent].component;
            }
        }
        count
    }
}
