//! Dates by arithmetic alone, so that a date beyond its month or an hour beyond its day is
//! simply a later one.

pub(super) const SECONDS: i64 = 86_400;

/// Days since 1970-01-01 of a date. The day may lie outside of its month.
pub(super) fn number(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last of its year.
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + days - 719_468
}

/// Year, month and day of a day's number.
pub(super) fn civil(number: i64) -> (i64, i64, i64) {
    let number = number + 719_468;
    let era = number.div_euclid(146_097);
    let day = number.rem_euclid(146_097);
    let of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = (shifted + 2) % 12 + 1;
    (of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Sunday is 0.
pub(super) fn weekday(number: i64) -> i64 {
    (number + 4).rem_euclid(7)
}

pub(super) fn in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_two_centuries_is_followed_by_the_next() {
        let (mut year, mut month, mut day) = (1900, 1, 1);
        for n in number(1900, 1, 1)..number(2101, 1, 1) {
            assert_eq!(number(year, month, day), n);
            assert_eq!(civil(n), (year, month, day));
            day += 1;
            if day > in_month(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        // A Saturday.
        assert_eq!(weekday(number(2026, 11, 21)), 6);
        assert_eq!(number(2026, 2, 29), number(2026, 3, 1));
    }
}
