#![no_main]

libfuzzer_sys::fuzz_target!(init: bigarrays_fuzz::init(), |input: &[u8]| {
    bigarrays_fuzz::face("sections", input);
});
