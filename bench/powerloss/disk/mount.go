package disk

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Usable says why disks cannot be mounted here, or returns nil.
func Usable() error {
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("a disk that loses its power needs FUSE: %w", err)
	}
	f.Close()
	dir, err := os.MkdirTemp("", "powerloss-")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	m, err := New(Options{}).Mount(dir)
	if err != nil {
		return err
	}
	return m.Close()
}

// Mount is a disk that is mounted.
type Mount struct {
	dir    string
	server *fuse.Server
}

// Mount mounts the disk on a folder. It needs /dev/fuse and CAP_SYS_ADMIN.
func (d *Disk) Mount(dir string) (*Mount, error) {
	server, err := fs.Mount(dir, &entry{d: d, n: d.root}, &fs.Options{
		MountOptions: fuse.MountOptions{FsName: "powerloss", Name: "powerloss", DirectMountStrict: true,
			DirectMountFlags: syscall.MS_NOSUID | syscall.MS_NODEV, MaxBackground: 64},
	})
	if err != nil {
		return nil, fmt.Errorf("mount a disk on %s (root or CAP_SYS_ADMIN is needed): %w", dir, err)
	}
	return &Mount{dir, server}, nil
}

// Close takes the disk away, and waits until nothing is served any more. Processes that
// have files open must have ended.
func (m *Mount) Close() error {
	err := syscall.Unmount(m.dir, syscall.MNT_DETACH)
	if err != nil {
		return fmt.Errorf("unmount %s: %w", m.dir, err)
	}
	m.server.Wait()
	return nil
}

// entry is a node as FUSE sees it.
type entry struct {
	fs.Inode

	d *Disk
	n *node
}

var (
	_ fs.NodeLookuper  = (*entry)(nil)
	_ fs.NodeReaddirer = (*entry)(nil)
	_ fs.NodeGetattrer = (*entry)(nil)
	_ fs.NodeSetattrer = (*entry)(nil)
	_ fs.NodeCreater   = (*entry)(nil)
	_ fs.NodeMkdirer   = (*entry)(nil)
	_ fs.NodeUnlinker  = (*entry)(nil)
	_ fs.NodeRmdirer   = (*entry)(nil)
	_ fs.NodeRenamer   = (*entry)(nil)
	_ fs.NodeOpener    = (*entry)(nil)
	_ fs.NodeReader    = (*entry)(nil)
	_ fs.NodeWriter    = (*entry)(nil)
	_ fs.NodeFsyncer   = (*entry)(nil)
	_ fs.NodeStatfser  = (*entry)(nil)
)

// does runs under the disk's lock, unless the power is off.
func (e *entry) does(f func() syscall.Errno) syscall.Errno {
	e.d.mu.Lock()
	defer e.d.mu.Unlock()
	if e.d.off {
		return syscall.EIO
	}
	return f()
}

// child is the inode of a node that a folder has.
func (e *entry) child(ctx context.Context, n *node, out *fuse.Attr) *fs.Inode {
	n.attr(out)
	return e.NewInode(ctx, &entry{d: e.d, n: n}, fs.StableAttr{Mode: n.mode & syscall.S_IFMT, Ino: n.id})
}

func (n *node) attr(out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink, out.Uid, out.Gid = n.id, n.mode, 1, n.uid, n.gid
	out.Size, out.Blksize = uint64(len(n.live)), pageSize
	out.Blocks = (out.Size + 511) / 512
	out.SetTimes(&n.changed, &n.changed, &n.changed)
}

func (e *entry) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (in *fs.Inode, errno syscall.Errno) {
	errno = e.does(func() syscall.Errno {
		n := e.n.names[name]
		if n == nil {
			return syscall.ENOENT
		}
		in = e.child(ctx, n, &out.Attr)
		return 0
	})
	return in, errno
}

func (e *entry) Readdir(context.Context) (list fs.DirStream, errno syscall.Errno) {
	errno = e.does(func() syscall.Errno {
		var all []fuse.DirEntry
		for _, name := range slices.Sorted(maps.Keys(e.n.names)) {
			n := e.n.names[name]
			all = append(all, fuse.DirEntry{Name: name, Mode: n.mode, Ino: n.id})
		}
		list = fs.NewListDirStream(all)
		return 0
	})
	return list, errno
}

func (e *entry) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	return e.does(func() syscall.Errno {
		e.n.attr(&out.Attr)
		return 0
	})
}

func (e *entry) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return e.does(func() syscall.Errno {
		if mode, ok := in.GetMode(); ok {
			e.n.mode = e.n.mode&syscall.S_IFMT | mode&^syscall.S_IFMT
		}
		if uid, ok := in.GetUID(); ok {
			e.n.uid = uid
		}
		if gid, ok := in.GetGID(); ok {
			e.n.gid = gid
		}
		if size, ok := in.GetSize(); ok {
			e.d.tick++
			e.n.truncate(int64(size), e.d.tick)
			e.n.changed = time.Now()
		}
		if at, ok := in.GetMTime(); ok {
			e.n.changed = at
		}
		e.n.attr(&out.Attr)
		return 0
	})
}

// add gives a new node a name.
func (e *entry) add(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (in *fs.Inode, errno syscall.Errno) {
	errno = e.does(func() syscall.Errno {
		if e.n.names[name] != nil {
			return syscall.EEXIST
		}
		n := e.d.newNode(mode)
		if caller, ok := fuse.FromContext(ctx); ok {
			n.uid, n.gid = caller.Uid, caller.Gid
		}
		e.d.change(edit{e.n, name, n})
		in = e.child(ctx, n, &out.Attr)
		return 0
	})
	return in, errno
}

func (e *entry) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	in, errno := e.add(ctx, name, syscall.S_IFREG|mode&0o7777, out)
	return in, nil, 0, errno
}

func (e *entry) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return e.add(ctx, name, syscall.S_IFDIR|mode&0o7777, out)
}

func (e *entry) Unlink(_ context.Context, name string) syscall.Errno {
	return e.does(func() syscall.Errno {
		if e.n.names[name] == nil {
			return syscall.ENOENT
		}
		e.d.change(edit{e.n, name, nil})
		return 0
	})
}

func (e *entry) Rmdir(ctx context.Context, name string) syscall.Errno {
	errno := e.does(func() syscall.Errno {
		if n := e.n.names[name]; n != nil && len(n.names) > 0 {
			return syscall.ENOTEMPTY
		}
		return 0
	})
	if errno != 0 {
		return errno
	}
	return e.Unlink(ctx, name)
}

func (e *entry) Rename(_ context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	target, ok := to.(*entry)
	if !ok || flags != 0 { // nobody here exchanges names
		return syscall.EINVAL
	}
	return e.does(func() syscall.Errno {
		n, old := e.n.names[name], target.n.names[newName]
		switch {
		case n == nil:
			return syscall.ENOENT
		case old != nil && len(old.names) > 0:
			return syscall.ENOTEMPTY
		}
		e.d.change(edit{e.n, name, nil}, edit{target.n, newName, n})
		return 0
	})
}

func (e *entry) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, 0, e.does(func() syscall.Errno {
		if flags&syscall.O_TRUNC != 0 {
			e.d.tick++
			e.n.truncate(0, e.d.tick)
			e.n.changed = time.Now()
		}
		return 0
	})
}

func (e *entry) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (got fuse.ReadResult, errno syscall.Errno) {
	errno = e.does(func() syscall.Errno {
		end := int64(len(e.n.live))
		got = fuse.ReadResultData(slices.Clone(e.n.live[min(off, end):min(off+int64(len(dest)), end)]))
		return 0
	})
	return got, errno
}

func (e *entry) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	return uint32(len(data)), e.does(func() syscall.Errno {
		e.d.tick++
		e.n.changed = time.Now()
		e.n.write(data, off, e.d.tick, e.n.changed)
		return 0
	})
}

// Fsync is of files and folders.
func (e *entry) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	if errno := e.does(func() syscall.Errno { return 0 }); errno != 0 {
		return errno
	}
	return e.d.sync(e.n)
}

// Statfs says that there is room: a full disk is not what this package is about.
func (e *entry) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	const blocks = 16 << 30 / pageSize
	out.Bsize, out.Frsize, out.NameLen = pageSize, pageSize, 255
	out.Blocks, out.Bfree, out.Bavail = blocks, blocks, blocks
	out.Files, out.Ffree = 1<<20, 1<<20
	return 0
}
