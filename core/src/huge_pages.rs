//! Large results on huge pages.
//!
//! Memory that the system hands out costs a fault a page when it is first touched: for pages of
//! 4 KiB more than copying the voxels of raw chunks into it. Where the system lets programs choose
//! (transparent huge pages on `madvise`, the default of most distributions) a hint makes pages of
//! 2 MiB of it, as numpy's arrays have them.

/// Results smaller than this are left alone: little would be gained, and memory lost at the ends.
#[cfg(target_os = "linux")]
const LARGE: usize = 8 << 20;
/// Hints are about whole pages.
#[cfg(target_os = "linux")]
const PAGE: usize = 4096;

/// Asks for huge pages for memory that nobody has touched yet. Only a hint: without it all works.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the hint takes a range of addresses")]
pub(crate) fn prefer<T>(memory: &mut [T]) {
    let len = size_of_val(memory);
    if len < LARGE {
        return;
    }
    let start = memory.as_mut_ptr().cast::<u8>();
    // Inside the memory, which is longer than a page.
    let skip = start.align_offset(PAGE);
    let Some(len) = len.checked_sub(skip).map(|len| len / PAGE * PAGE) else { return };
    // SAFETY: `skip..skip + len` is inside `memory`, which is borrowed mutably for the time of the
    // call, so the pointer is in bounds and the pages are ours alone. The advice changes neither
    // their content nor who may use them.
    let _only_a_hint = unsafe {
        let pages = start.add(skip).cast();
        rustix::mm::madvise(pages, len, rustix::mm::Advice::LinuxHugepage)
    };
}

/// Elsewhere the system decides.
#[cfg(not(target_os = "linux"))]
pub(crate) fn prefer<T>(_: &mut [T]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_any_size_and_place_stays_as_it_is() {
        for len in [0, 1, 5000, 9 << 20] {
            let mut memory = vec![7_u8; len];
            for skip in [0, 1, 4095, 4096] {
                let part = memory.get_mut(skip..).unwrap_or_default();
                prefer(part);
            }
            assert!(memory.iter().all(|&byte| byte == 7), "{len}");
        }
        let mut zeros = vec![0_u64; 2 << 20];
        prefer(&mut zeros);
        assert!(zeros.iter().all(|&value| value == 0));
    }
}
