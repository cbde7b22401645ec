//! Random files read in random ways must be what they are, whatever the memory.

use super::*;

/// Numbers that are the same in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        // Knuth's MMIX generator.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    /// Letters in any order.
    fn shuffle(&mut self, letters: &str) -> String {
        let mut left: Vec<char> = letters.chars().collect();
        let mut shuffled = String::new();
        while !left.is_empty() {
            let place = usize::try_from(self.below(left.len() as u64)).unwrap();
            shuffled.push(left.swap_remove(place));
        }
        shuffled
    }
}

#[test]
fn any_file_is_read_the_same_with_any_memory() {
    let files = Files::new();
    for seed in 0..300 {
        let mut random = Random(seed);
        let size = [40, 30, 20, 4].map(|most| 1 + random.below(most));
        let model = Model::new(size, random.pick(&DataType::ALL));
        let axes = random.shuffle("xyzc");
        let bytes = model.npy(&axes, random.below(2) == 0, random.below(2) == 0);
        let path = if random.below(2) == 0 {
            files.add("a.npy", &bytes)
        } else {
            files.add("a.npy.gz", &gzip(&bytes))
        };
        for memory in [random.pick(&[0, 1, 100, 5000]), 1 << random.below(24)] {
            let options = SourceOptions { memory, ..with_axes(&axes) };
            let mut source = open(&path, &options).unwrap();
            let chunk = [(); 3].map(|()| 1 + random.below(17));
            let phase = chunk.map(|extent| random.below(extent));
            model.check(source.as_mut(), chunk, phase, memory);
            // And boxes that nobody should ask for in this order.
            for _ in 0..4 {
                let min: [u64; 3] = std::array::from_fn(|axis| random.below(size[axis]));
                let max = std::array::from_fn(|axis| {
                    min[axis] + 1 + random.below(size[axis] - min[axis])
                });
                model.check_tile(source.as_mut(), Tile { min, max });
            }
        }
    }
}
