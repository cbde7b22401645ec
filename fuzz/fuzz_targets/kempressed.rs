#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bigarrays_tests::hostile::run("kempressed", input));
