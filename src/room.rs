//! Room for large bytes that goes back to the system as soon as it is free (FETCH-7).

/// What is smaller may stay with the allocator, in bytes.
const LARGE: usize = 1 << 20;
/// The C library on Linux maps what is larger than this by itself, whatever it has learnt from earlier requests (`mallopt`,
/// M_MMAP_THRESHOLD), and unmaps it once it is free. Less than that each thread would keep for its next large message. Address
/// space only: no page is there before something is written into it.
const MAPPED: usize = (32 << 20) + 1;

/// Makes an empty vector that takes so many bytes without growing.
pub fn of(bytes: usize) -> Vec<u8> {
    Vec::with_capacity(if bytes < LARGE { bytes } else { bytes.max(MAPPED) })
}

/// Makes room for so many more bytes.
pub fn make(bytes: &mut Vec<u8>, more: usize) {
    if more < LARGE {
        bytes.reserve(more);
    } else if bytes.capacity() - bytes.len() < more {
        let mut grown = of(bytes.len() + more);
        grown.append(bytes);
        *bytes = grown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetch_7_what_is_large_is_mapped_by_itself_and_what_is_small_is_no_larger_than_it_must() {
        assert_eq!((of(10).capacity(), of(LARGE).capacity(), of(2 * MAPPED).capacity()), (10, MAPPED, 2 * MAPPED));
        let mut bytes = b"* 1 FETCH".to_vec();
        make(&mut bytes, 10);
        assert!(bytes.capacity() < 100);
        make(&mut bytes, LARGE);
        assert_eq!((bytes.as_slice(), bytes.capacity()), (b"* 1 FETCH".as_slice(), MAPPED));
        let place = bytes.as_ptr();
        make(&mut bytes, 2 * LARGE);
        assert_eq!(bytes.as_ptr(), place, "there is room");
    }
}
