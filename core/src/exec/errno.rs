//! The kernel's error numbers that `execve` and its preparations give, with the words that people read.

/// An error of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errno {
    /// No such file or directory.
    Enoent,
    /// Permission denied.
    Eacces,
    /// Exec format error.
    Enoexec,
    /// Not a directory.
    Enotdir,
    /// Too many levels of symbolic links, or of scripts.
    Eloop,
    /// A loader that is none.
    Elibbad,
    /// A file that ends too early.
    Eio,
    /// A name that is too long.
    Enametoolong,
    /// Arguments or environment that are too long.
    E2big,
    /// Operation not permitted.
    Eperm,
    /// Invalid argument.
    Einval,
    /// File exists.
    Eexist,
}

impl Errno {
    /// The kernel's name, as in `errno.h`.
    pub fn name(self) -> &'static str {
        match self {
            Errno::Enoent => "ENOENT",
            Errno::Eacces => "EACCES",
            Errno::Enoexec => "ENOEXEC",
            Errno::Enotdir => "ENOTDIR",
            Errno::Eloop => "ELOOP",
            Errno::Elibbad => "ELIBBAD",
            Errno::Eio => "EIO",
            Errno::Enametoolong => "ENAMETOOLONG",
            Errno::E2big => "E2BIG",
            Errno::Eperm => "EPERM",
            Errno::Einval => "EINVAL",
            Errno::Eexist => "EEXIST",
        }
    }

    /// The words of Go's runtime, in which container runtimes print it.
    pub fn text(self) -> &'static str {
        match self {
            Errno::Enoent => "no such file or directory",
            Errno::Eacces => "permission denied",
            Errno::Enoexec => "exec format error",
            Errno::Enotdir => "not a directory",
            Errno::Eloop => "too many levels of symbolic links",
            Errno::Elibbad => "accessing a corrupted shared library",
            Errno::Eio => "input/output error",
            Errno::Enametoolong => "file name too long",
            Errno::E2big => "argument list too long",
            Errno::Eperm => "operation not permitted",
            Errno::Einval => "invalid argument",
            Errno::Eexist => "file exists",
        }
    }
}
