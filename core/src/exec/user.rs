//! Who the process is: `User` of an image, looked up in the image's own `/etc/passwd` and `/etc/group`.
//!
//! The rules are those of `GetExecUser` in moby's `user` package, which Docker, containerd and runc use.

/// Who a process is to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// A user or group that the image does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownUser {
    /// The user.
    #[error("unable to find user {0}: no matching entries in passwd file")]
    User(String),
    /// The group.
    #[error("unable to find group {0}: no matching entries in group file")]
    Group(String),
    /// An id that no process can have.
    #[error("uids and gids must be in range 0-2147483647")]
    Range,
}

const MAX_ID: i64 = 2_147_483_647;

impl User {
    /// Whether the image's files have a say: they have not where both ids are given, nor for root, whose groups do not matter.
    pub fn needs_files(spec: &str) -> bool {
        let mut parts = spec.split(':');
        let (user, group) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let is_number = |text: &str| text.parse::<i64>().is_ok();
        let is_root = user.is_empty() || user.parse() == Ok(0);
        !(is_root && (group.is_empty() || is_number(group)) || is_number(user) && is_number(group))
    }

    /// Resolves `USER`, `UID`, `USER:GROUP`, `UID:GID` and nothing at all.
    ///
    /// # Errors
    /// [`UnknownUser`], in the runtime's words.
    pub fn resolve(spec: &str, passwd: &[u8], group: &[u8]) -> Result<User, UnknownUser> {
        let mut parts = spec.split(':');
        let (user_part, group_part) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let numeric_user: Option<i64> = user_part.parse().ok();
        let numeric_group: Option<i64> = group_part.parse().ok();
        let mut user = User { uid: 0, gid: 0, groups: Vec::new() };
        let matching = lines(passwd).find(|fields| match (user_part, numeric_user) {
            ("", _) => id(fields, 2) == 0,
            (_, Some(number)) => id(fields, 2) == number,
            (name, None) => field(fields, 0) == name.as_bytes(),
        });
        let name = matching.as_ref().map(|fields| field(fields, 0).to_vec());
        if let Some(fields) = &matching {
            user.uid = u32::try_from(id(fields, 2)).unwrap_or(0);
            user.gid = u32::try_from(id(fields, 3)).unwrap_or(0);
        } else if !user_part.is_empty() {
            user.uid = within(numeric_user.ok_or_else(|| UnknownUser::User(user_part.to_owned()))?)?;
        }
        let name = name.filter(|name| !name.is_empty());
        if group_part.is_empty() {
            if let Some(name) = name {
                let has_user =
                    |fields: &Vec<&[u8]>| field(fields, 3).split(|&byte| byte == b',').any(|member| member == name);
                user.groups =
                    lines(group).filter(has_user).filter_map(|fields| u32::try_from(id(&fields, 2)).ok()).collect();
            }
            return Ok(user);
        }
        let matching = lines(group).find(|fields| match numeric_group {
            Some(number) => id(fields, 2) == number,
            None => field(fields, 0) == group_part.as_bytes(),
        });
        user.gid = match matching {
            Some(fields) => u32::try_from(id(&fields, 2)).unwrap_or(0),
            None => within(numeric_group.ok_or_else(|| UnknownUser::Group(group_part.to_owned()))?)?,
        };
        Ok(user)
    }
}

fn within(id: i64) -> Result<u32, UnknownUser> {
    if (0..=MAX_ID).contains(&id) { u32::try_from(id).map_err(|_| UnknownUser::Range) } else { Err(UnknownUser::Range) }
}

/// The lines of `passwd` or `group` as fields; fields that are missing are empty.
fn lines(file: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    file.split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .map(|line| line.split(|&byte| byte == b':').collect())
}

fn field<'f>(fields: &[&'f [u8]], index: usize) -> &'f [u8] {
    fields.get(index).copied().unwrap_or_default()
}

/// A number that is none counts as zero.
fn id(fields: &[&[u8]], index: usize) -> i64 {
    std::str::from_utf8(field(fields, index)).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/:\n";
    const GROUP: &[u8] = b"root:x:0:\napp:x:1001:\nextra:x:5:other,app\n";

    #[test]
    fn users_are_found_by_name_and_number() {
        let resolved = |spec: &str| User::resolve(spec, PASSWD, GROUP).map(|user| (user.uid, user.gid, user.groups));
        assert_eq!(resolved(""), Ok((0, 0, vec![])));
        assert_eq!(resolved("app"), Ok((1000, 1001, vec![5])));
        assert_eq!(resolved("1000"), Ok((1000, 1001, vec![5])));
        assert_eq!(resolved("1000:0"), Ok((1000, 0, vec![])), "an explicit group drops the others");
        assert_eq!(resolved("app:extra"), Ok((1000, 5, vec![])));
        assert_eq!(resolved("4242"), Ok((4242, 0, vec![])));
        assert_eq!(resolved("4242:77"), Ok((4242, 77, vec![])));
        assert_eq!(resolved("nobody"), Err(UnknownUser::User("nobody".to_owned())));
        assert_eq!(resolved("app:nobody"), Err(UnknownUser::Group("nobody".to_owned())));
        assert_eq!(resolved("-1"), Err(UnknownUser::Range));
        assert_eq!(User::resolve("", b"", b"").map(|user| user.uid), Ok(0));
    }
}
