//! Numbers as decimals: never as floating-point numbers, but for the form in which JSON carries them.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Number, Value};

use super::CodecError;

/// Digits that Salesforce keeps behind the point at most; what comes behind them says nothing to any field.
pub(in crate::domain::mapping) const DIGITS: u32 = 18;

/// The number that a JSON value states: a number, or a text of digits with a point and perhaps an exponent.
pub(in crate::domain::mapping) fn parse(value: &Value) -> Result<Decimal, CodecError> {
    match value {
        Value::Number(number) => parse_text(&number.to_string()),
        Value::String(text) => parse_text(text.trim()),
        _ => Err(CodecError::NotNumber),
    }
}

fn parse_text(text: &str) -> Result<Decimal, CodecError> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if !is_number(digits) {
        return Err(CodecError::NotNumber);
    }
    let parsed = if digits.contains(['e', 'E']) { scientific(digits) } else { digits.parse().ok() };
    parsed.map(|number: Decimal| number.trunc_with_scale(DIGITS).normalize()).ok_or(CodecError::TooManyDigits)
}

/// Whether a text is digits with perhaps a sign, a point and an exponent. The library's own reader takes more.
fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && digits(exponent) && !exponent.is_empty() && !(whole.is_empty() && fraction.is_empty())
}

fn scientific(text: &str) -> Option<Decimal> {
    // What is too small for the library's digits is nothing at the scale of any field.
    let tiny = || text.contains("e-").then_some(Decimal::ZERO);
    Decimal::from_scientific(&text.to_lowercase()).ok().or_else(tiny)
}

/// Rounded half away from zero, as Salesforce rounds what it saves.
pub(in crate::domain::mapping) fn round(number: Decimal, scale: u32) -> Decimal {
    number.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero).normalize()
}

/// Digits before the point; 0 for numbers below one.
pub(in crate::domain::mapping) fn whole_digits(number: Decimal) -> u32 {
    number.trunc().mantissa().unsigned_abs().checked_ilog10().map_or(0, |log| log + 1)
}

/// The number in JSON: as a number where that loses nothing, else as a text, which Salesforce reads as well.
pub(in crate::domain::mapping) fn write(number: Decimal) -> Value {
    let number = number.normalize();
    let text = number.to_string();
    if let Ok(whole) = text.parse::<i64>() {
        return Value::from(whole);
    }
    let float = text.parse().ok().and_then(Number::from_f64).map(Value::Number);
    match float {
        Some(value) if parse(&value) == Ok(number) => value,
        _ => Value::String(text),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_read_exactly() {
        for (value, want) in [
            (json!(12), "12"),
            (json!(-0.5), "-0.5"),
            (json!(1000.0), "1000"),
            (json!("1234.50"), "1234.5"),
            (json!(" +7 "), "7"),
            (json!("1.5e3"), "1500"),
            (json!("7.0000000000000000000001"), "7"),
            (json!("1e-300"), "0"),
            (json!("123456789012345.678"), "123456789012345.678"),
            (json!(999_999_999_999_999_999_i64), "999999999999999999"),
        ] {
            assert_eq!(parse(&value).unwrap().to_string(), want, "{value}");
        }
        for value in
            [json!("1,5"), json!("1_000"), json!(""), json!("abc"), json!(true), json!([1]), json!("1e"), json!("."), json!("--1"), json!("0x10")]
        {
            assert_eq!(parse(&value), Err(CodecError::NotNumber), "{value}");
        }
        for value in [json!("1e400"), json!(1e300), json!("9".repeat(40))] {
            assert_eq!(parse(&value), Err(CodecError::TooManyDigits), "{value}");
        }
    }

    #[test]
    fn rounding_and_counting() {
        let number = |text: &str| text.parse::<Decimal>().unwrap();
        for (text, scale, want) in [("1.005", 2, "1.01"), ("-1.005", 2, "-1.01"), ("2.5", 0, "3"), ("0.4999", 0, "0"), ("7", 2, "7")] {
            assert_eq!(round(number(text), scale).to_string(), want, "{text}");
        }
        for (text, want) in [("0", 0), ("0.25", 0), ("-12.5", 2), ("123456", 6)] {
            assert_eq!(whole_digits(number(text)), want, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_without_loss() {
        for (text, want) in [
            ("12", json!(12)),
            ("12.50", json!(12.5)),
            ("0.1", json!(0.1)),
            ("123456789012345.678", json!("123456789012345.678")),
            ("123456789012345678", json!(123_456_789_012_345_678_i64)),
        ] {
            assert_eq!(write(text.parse().unwrap()), want, "{text}");
        }
    }
}
