//! Whether a number is one to worry about: what monitoring asks.

/// How an installation is, as monitoring plugins say it; the later ones are graver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Ok,
    Warning,
    Critical,
}

impl Level {
    /// The word that the line begins with.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }
}

/// From where on a number is one to worry about; none is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    pub warning: Option<i64>,
    pub critical: Option<i64>,
}

impl Limits {
    /// Makes limits of both.
    pub const fn of(warning: i64, critical: i64) -> Self {
        Self { warning: Some(warning), critical: Some(critical) }
    }

    /// Says how a number is of which too little is bad.
    pub fn judge_room(self, value: i64) -> Level {
        let is_below = |limit: Option<i64>| limit.is_some_and(|limit| value < limit);
        match (is_below(self.critical), is_below(self.warning)) {
            (true, _) => Level::Critical,
            (false, true) => Level::Warning,
            (false, false) => Level::Ok,
        }
    }

    /// Says how a number is.
    pub fn judge(self, value: i64) -> Level {
        let reaches = |limit: Option<i64>| limit.is_some_and(|limit| value >= limit);
        match (reaches(self.critical), reaches(self.warning)) {
            (true, _) => Level::Critical,
            (false, true) => Level::Warning,
            (false, false) => Level::Ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graver_limit_counts_and_none_is_never() {
        let limits = Limits::of(3, 10);
        assert_eq!(
            [0, 2, 3, 9, 10, 99].map(|value| limits.judge(value)).map(Level::word),
            ["OK", "OK", "WARNING", "WARNING", "CRITICAL", "CRITICAL"]
        );
        assert_eq!(Limits::default().judge(i64::MAX), Level::Ok);
        let room = Limits::of(50, 10);
        assert_eq!(
            [50, 49, 10, 9].map(|value| room.judge_room(value)).map(Level::word),
            ["OK", "WARNING", "WARNING", "CRITICAL"]
        );
        assert_eq!(Limits::default().judge_room(0), Level::Ok);
        assert_eq!(Limits { warning: Some(5), critical: Some(1) }.judge(2), Level::Critical);
    }
}
