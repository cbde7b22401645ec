//! Every check on the rooms as they are, and on broken ones, which it must notice.

use std::panic::catch_unwind;

use bigarrays_model as model;

/// Orders that are tried of a sound room: a few seconds for all checks.
const ORDERS: usize = 1500;
/// Orders that are tried until a broken room is noticed.
const TRIES: usize = 20_000;
/// Other orders each time would find more, and be nobody's to repeat.
const SEED: u64 = 20;

fn explore(check: fn(), orders: usize) {
    shuttle::check_random_with_seed(check, SEED, orders);
}

macro_rules! sound {
    ($($room:ident: $($check:ident)*;)*) => {
        $($(#[test]
        fn $check() {
            explore(model::sound::checks::$room::$check, ORDERS);
            // Few changes from one thread to another, at places that matter.
            shuttle::check_pct(model::sound::checks::$room::$check, ORDERS / 3, 3);
        })*)*
    };
}

sound! {
    kept: a_reader_never_sees_an_older_value who_waits_is_always_woken a_value_is_loaded_once;
    cache: no_older_value_of_a_blocking_store no_older_value_of_an_asynchronous_store
        no_older_value_where_versions_are_compared;
    drive: jobs_of_a_blocking_store jobs_of_an_asynchronous_store waves;
}

macro_rules! broken {
    ($($room:ident::$check:ident notices $($broken:ident)*;)*) => {
        $($(#[test]
        fn $broken() {
            let noticed = catch_unwind(|| explore(model::$broken::checks::$room::$check, TRIES));
            assert!(noticed.is_err(), "nobody noticed");
        })*)*
    };
}

broken! {
    kept::a_reader_never_sees_an_older_value notices
        kept_during_a_write not_detached another_flight_ended;
    kept::who_waits_is_always_woken notices left_waiting;
    kept::a_value_is_loaded_once notices asked_too_early;
    cache::no_older_value_of_an_asynchronous_store notices
        forgotten_at_the_end_only forgotten_at_the_beginning_only;
    drive::jobs_of_a_blocking_store notices panics_unwatched;
    drive::jobs_of_an_asynchronous_store notices done_untold one_too_many;
}
