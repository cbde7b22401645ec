//! Bytes of values, put together by their place in the value, and back.

/// Undoes the shuffle of values of `size` bytes. Bytes behind the last whole value stay.
pub(super) fn undo(stored: &[u8], size: usize, out: &mut Vec<u8>) {
    out.clear();
    out.resize(stored.len(), 0);
    match size {
        2 => planes::<2>(stored, out),
        4 => planes::<4>(stored, out),
        8 => planes::<8>(stored, out),
        // Of values of one byte nothing was moved.
        _ => out.copy_from_slice(stored),
    }
}

fn planes<const SIZE: usize>(stored: &[u8], out: &mut [u8]) {
    let count = stored.len() / SIZE;
    let (values, rest) = out.split_at_mut(count * SIZE);
    let (planes, tail) = stored.split_at(count * SIZE);
    rest.copy_from_slice(tail);
    if count == 0 {
        return;
    }
    let mut each = planes.chunks_exact(count);
    let planes: [&[u8]; SIZE] = std::array::from_fn(|_| each.next().unwrap_or_default());
    for (n, value) in values.chunks_exact_mut(SIZE).enumerate() {
        for (byte, plane) in value.iter_mut().zip(&planes) {
            *byte = plane[n];
        }
    }
}

/// Shuffles values of `size` bytes. Bytes behind the last whole value stay.
pub(super) fn apply(bytes: &[u8], size: usize) -> Vec<u8> {
    let count = bytes.len() / size.max(1);
    if size <= 1 || count == 0 {
        return bytes.to_vec();
    }
    let mut out = vec![0; bytes.len()];
    let (planes, rest) = out.split_at_mut(count * size);
    let (values, tail) = bytes.split_at(count * size);
    for (n, plane) in planes.chunks_exact_mut(count).enumerate() {
        for (byte, value) in plane.iter_mut().zip(values.chunks_exact(size)) {
            *byte = value[n];
        }
    }
    rest.copy_from_slice(tail);
    out
}
