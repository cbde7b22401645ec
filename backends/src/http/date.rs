//! Dates of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 of a date in the form that servers must use. Other forms are not read.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let mut words = text.trim().split_once(", ")?.1.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = i64::try_from(MONTHS.iter().position(|&name| name == month)?).ok()? + 1;
    let year: i64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|number| number.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let valid = (1..=31).contains(&day) && (1..10_000).contains(&year);
    let valid = valid && (0..24).contains(&hour) && (0..60).contains(&minute);
    let valid = valid && (0..=60).contains(&second) && words.next() == Some("GMT");
    valid.then(|| ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Days since the first of January 1970 in the Gregorian calendar.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years are counted from March, so that the day that is sometimes there is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // March 1st of the year 0 was 719 468 days before 1970.
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn dates_of_servers_are_read() {
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        assert_eq!(seconds("Sat, 01 Mar 2025 00:00:00 GMT"), Some(1_740_787_200));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "today", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 08:49:37 CET"] {
            assert_eq!(seconds(text), None, "{text}");
        }
        assert_eq!(seconds("Sun, 99999999999999999999 Nov 1994 08:49:37 GMT"), None);
        assert_eq!(seconds("Sun, 06 Nov 9223372036854775807 08:49:37 GMT"), None);
    }
}
