//! Decimal numbers of up to 18 digits, as Salesforce stores them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A number `mantissa / 10^scale`, kept without trailing zeros behind the point so that equal
/// numbers are equal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i64,
    scale: u8,
}

/// A text that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

impl Decimal {
    /// A whole number.
    #[must_use]
    pub const fn whole(value: i64) -> Self {
        Self { mantissa: value, scale: 0 }
    }

    /// `mantissa / 10^scale`, rounded half away from zero where it does not fit.
    #[must_use]
    pub fn new(mantissa: i128, scale: u32) -> Self {
        let mut mantissa = mantissa;
        let mut scale = scale;
        while scale > 0 && (mantissa % 10 == 0 || scale > 18 || i64::try_from(mantissa).is_err()) {
            mantissa = divide(mantissa, 10);
            scale -= 1;
        }
        let limit = if mantissa < 0 { i64::MIN } else { i64::MAX };
        Self { mantissa: i64::try_from(mantissa).unwrap_or(limit), scale: u8::try_from(scale).unwrap_or(0) }
    }

    /// Rounded half away from zero to `scale` digits behind the point.
    #[must_use]
    pub fn rounded(self, scale: u8) -> Self {
        if self.scale <= scale {
            return self;
        }
        let cut = power(u32::from(self.scale - scale));
        Self::new(divide(i128::from(self.mantissa), cut), u32::from(scale))
    }

    /// Whether there is anything behind the point.
    #[must_use]
    pub const fn has_fraction(self) -> bool {
        self.scale > 0
    }

    /// Digits before the point; 0 for numbers below one.
    #[must_use]
    pub fn integer_digits(self) -> u32 {
        let whole = (i128::from(self.mantissa) / power(u32::from(self.scale))).unsigned_abs();
        whole.checked_ilog10().map_or(0, |log| log + 1)
    }

    /// The whole number, where it is one.
    #[must_use]
    pub const fn to_i64(self) -> Option<i64> {
        if self.scale == 0 { Some(self.mantissa) } else { None }
    }

    /// The nearest floating-point number: the form in which answers carry it.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(0.0)
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let scale = self.scale.max(other.scale);
        let sum = self.at(scale).saturating_add(other.at(scale));
        Self::new(sum, u32::from(scale))
    }

    /// The quotient by a count, to 15 digits behind the point at most.
    #[must_use]
    pub fn divided_by(self, count: u64) -> Self {
        let count = i128::from(count.max(1));
        let scale = u32::from(self.scale).max(9);
        let wide = self.at(u8::try_from(scale).unwrap_or(18));
        Self::new(divide(wide, count), scale)
    }

    /// The parts, for storage.
    #[must_use]
    pub const fn parts(self) -> (i64, u8) {
        (self.mantissa, self.scale)
    }

    fn at(self, scale: u8) -> i128 {
        i128::from(self.mantissa) * power(u32::from(scale.saturating_sub(self.scale)))
    }
}

const fn power(exponent: u32) -> i128 {
    match 10_i128.checked_pow(exponent) {
        Some(power) => power,
        None => i128::MAX,
    }
}

/// Integer division, half away from zero.
const fn divide(value: i128, by: i128) -> i128 {
    let rest = value % by;
    let whole = value / by;
    if rest.unsigned_abs() * 2 >= by.unsigned_abs() { whole + value.signum() } else { whole }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        self.at(scale).cmp(&other.at(scale))
    }
}

impl FromStr for Decimal {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        if text.contains(['e', 'E']) {
            let float: f64 = text.parse().map_err(|_| NotANumber)?;
            // Floating-point numbers print without an exponent.
            return plain(&format!("{float}"));
        }
        plain(text)
    }
}

fn plain(text: &str) -> Result<Decimal, NotANumber> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !all_digits {
        return Err(NotANumber);
    }
    let kept = fraction.get(..fraction.len().min(18)).unwrap_or_default();
    let mut mantissa = 0_i128;
    for byte in whole.bytes().chain(kept.bytes()) {
        mantissa = mantissa.checked_mul(10).and_then(|value| value.checked_add(i128::from(byte - b'0'))).unwrap_or(i128::MAX / 100);
    }
    Ok(Decimal::new(sign * mantissa, u32::try_from(kept.len()).unwrap_or(0)))
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 {
            return write!(f, "{}", self.mantissa);
        }
        let power = power(u32::from(self.scale));
        let value = i128::from(self.mantissa);
        let sign = if value < 0 { "-" } else { "" };
        let (whole, rest) = (value.abs() / power, value.abs() % power);
        write!(f, "{sign}{whole}.{rest:0width$}", width = usize::from(self.scale))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reading_and_writing() {
        let cases = [
            ("0", "0"),
            ("5.0", "5"),
            ("-0.50", "-0.5"),
            ("1.005", "1.005"),
            ("1e3", "1000"),
            ("1.5e-3", "0.0015"),
            (".5", "0.5"),
            ("123456789012345678", "123456789012345678"),
            ("48.856613999999999", "48.856613999999999"),
            ("0.1234567890123456789", "0.123456789012345678"),
        ];
        for (text, want) in cases {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), want, "{text}");
        }
        for text in ["", "abc", "1.2.3", "--1", ".", "1,5", "0x10"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn rounding_goes_half_away_from_zero() {
        let cases = [("1.005", 2, "1.01"), ("-1.005", 2, "-1.01"), ("1.004", 2, "1"), ("2.5", 0, "3"), ("0.4999", 0, "0"), ("7", 2, "7")];
        for (text, scale, want) in cases {
            let rounded = text.parse::<Decimal>().unwrap().rounded(scale);
            assert_eq!(rounded.to_string(), want, "{text} to {scale}");
        }
    }

    #[test]
    fn comparing_summing_dividing() {
        let number = |text: &str| text.parse::<Decimal>().unwrap();
        assert!(number("1.10") == number("1.1"));
        assert!(number("-2") < number("0.5"));
        assert!(number("10") > number("9.99"));
        assert_eq!(number("0.1").plus(number("0.2")), number("0.3"));
        assert_eq!(number("10").divided_by(4), number("2.5"));
        assert_eq!(number("123456").integer_digits(), 6);
        assert_eq!(number("0.25").integer_digits(), 0);
    }
}
