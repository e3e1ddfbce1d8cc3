package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v4"
)

// Addition is a camera that is to be added to a configuration.
type Addition struct {
	ID string
	// Lines returns the camera as lines of the mapping `cameras:`, each indented by indent at least.
	Lines func(indent string) string
	// Password goes to the file SecretPath, which Lines refer to as ${file:…}. "" writes no such file.
	Password string
}

// SecretPath returns where Add keeps the password of a camera, from the folder of the configuration.
func SecretPath(id string) string { return "secrets/" + id + ".password" }

// Add adds a camera to the file and returns the path of the copy that it made of the file before. Every byte of the rest stays, comments
// too. The result is loaded before it replaces the file, which happens at once. A running server does not read it before its restart.
// The error is one for people; nothing was changed then.
func Add(path string, env func(string) (string, bool), a Addition) (backup string, err error) {
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	before, err := readFile(path)
	if err != nil {
		return "", err
	}
	if err := Writable(path); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	in := input{path: path, dir: filepath.Dir(abs), content: before, env: env}
	known, err := known(in)
	if err != nil {
		return "", err
	}
	for _, c := range known {
		if c.ID == a.ID {
			return "", fmt.Errorf("the configuration has a camera %q already: choose another id", a.ID)
		}
	}
	in.content, err = inserted(before, a.Lines)
	if err != nil {
		return "", err
	}
	undo, err := keepSecret(in.dir, a)
	if err != nil {
		return "", err
	}
	if err := extends(in, known, a.ID); err != nil {
		return "", errors.Join(err, undo())
	}
	if backup, err = replace(path, before, in.content); err != nil {
		return "", errors.Join(err, undo())
	}
	return backup, nil
}

// known returns the cameras of a file. One that only lacks `cameras:` has none.
func known(in input) ([]Camera, error) {
	c, err := parse(in)
	if err == nil {
		return c.Cameras, nil
	}
	if mistakes, ok := errors.AsType[*Error](err); ok && len(mistakes.Mistakes) == 1 && mistakes.Mistakes[0].Text == noCameras {
		return nil, nil
	}
	return nil, err
}

// extends returns an error unless the input is valid and has exactly the known cameras and the new one.
func extends(in input, known []Camera, id string) error {
	c, err := parse(in)
	if err != nil {
		return err
	}
	added := 0
	var rest []Camera
	for _, one := range c.Cameras {
		if one.ID == id {
			added++
		} else {
			rest = append(rest, one)
		}
	}
	same := added == 1 && len(rest) == len(known)
	for i := 0; same && i < len(rest); i++ {
		x, y := rest[i], known[i]
		x.Line, y.Line = 0, 0
		same = reflect.DeepEqual(x, y)
	}
	if !same {
		return fmt.Errorf("configuration %s is written in a way that cannot be extended safely: add the lines by hand", in.path)
	}
	return nil
}

// inserted returns the content with a camera after the last one.
func inserted(content []byte, lines func(indent string) string) ([]byte, error) {
	byHand := errors.New("`cameras:` is written within { }, or in another way that cannot be extended line by line: add the lines by hand")
	var document yaml.Node
	if err := yaml.Load(content, &document); err != nil || len(document.Content) == 0 {
		return nil, byHand
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode || root.Style&yaml.FlowStyle != 0 {
		return nil, byHand
	}
	text := strings.SplitAfter(string(content), "\n")
	end, ending := "\n", text[0]
	if strings.HasSuffix(ending, "\r\n") {
		end = "\r\n"
	}
	indent, at, prefix := "  ", len(text), "cameras:\n"
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if key.Value != "cameras" {
			continue
		}
		prefix = ""
		switch {
		case value.ShortTag() == "!!null" && value.Value == "":
		case value.Kind != yaml.MappingNode || value.Style&yaml.FlowStyle != 0 || len(value.Content) == 0 || value.Content[0].Line == key.Line:
			return nil, byHand
		default:
			indent = strings.Repeat(" ", value.Content[0].Column-1)
		}
		if i+2 < len(root.Content) {
			at = root.Content[i+2].Line - 1
		}
		at = endOfBlock(text, key.Line, at, len(indent))
	}
	var b bytes.Buffer
	b.WriteString(strings.Join(text[:at], ""))
	if b.Len() > 0 && !bytes.HasSuffix(b.Bytes(), []byte("\n")) {
		b.WriteString(end)
	}
	b.WriteString(strings.ReplaceAll(prefix+lines(indent), "\n", end))
	b.WriteString(strings.Join(text[at:], ""))
	return b.Bytes(), nil
}

// endOfBlock returns the number of lines up to the end of a block that begins after the line first and ends before the line limit:
// without the empty lines and the comments further left that lead to what follows.
func endOfBlock(text []string, first, limit, indent int) int {
	at := limit
	for at > first {
		line := strings.TrimRight(text[at-1], "\r\n")
		bare := strings.TrimLeft(line, " ")
		if bare != "" && bare != "..." && (!strings.HasPrefix(bare, "#") || len(line)-len(bare) >= indent) {
			break
		}
		at--
	}
	return at
}

// keepSecret writes the password to a file that only this user may read. undo removes what it made.
func keepSecret(dir string, a Addition) (undo func() error, err error) {
	nothing := func() error { return nil }
	if a.Password == "" {
		return nothing, nil
	}
	path := filepath.Join(dir, filepath.FromSlash(SecretPath(a.ID)))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("the password cannot be kept in %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if kept, err := readBounded(path); err == nil && kept == a.Password {
			return nothing, nil
		}
		return nil, fmt.Errorf("there is a file %s with another password: remove it, or choose another id", path)
	}
	if err != nil {
		return nil, fmt.Errorf("the password cannot be kept in %s: %w", path, err)
	}
	_, err = f.WriteString(a.Password)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("the password cannot be kept in %s: %w", path, err), os.Remove(path))
	}
	return func() error { return os.Remove(path) }, nil
}

// Writable returns nil if this process may replace the file, or why not, in a sentence for people.
func Writable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("configuration %s cannot be written by this program: add the lines by hand (%w)", path, err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	t, err := os.CreateTemp(filepath.Dir(path), ".config-*.yaml")
	if err != nil {
		return fmt.Errorf("the folder of configuration %s cannot be written by this program: add the lines by hand (%w)", path, err)
	}
	return errors.Join(t.Close(), os.Remove(t.Name()))
}

// replace puts the new content in the file's place, at once, and keeps the old one beside it.
func replace(path string, before, after []byte) (backup string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	backup = path + ".bak"
	if err := write(backup, before, info.Mode().Perm()); err != nil {
		return "", err
	}
	now, err := readFile(path)
	if err != nil {
		return "", err
	}
	if !bytes.Equal(now, before) {
		return "", fmt.Errorf("configuration %s was changed meanwhile: nothing was written, try again", path)
	}
	return backup, write(path, after, info.Mode().Perm())
}

// write replaces a file by way of a temporary one.
func write(path string, content []byte, mode fs.FileMode) error {
	t, err := os.CreateTemp(filepath.Dir(path), ".config-*.yaml")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = t.Write(content)
	if err = errors.Join(err, t.Chmod(mode), t.Sync(), t.Close()); err == nil {
		err = os.Rename(t.Name(), path)
	}
	switch {
	case errors.Is(err, syscall.EBUSY):
		err = fmt.Errorf("configuration %s is mounted as a single file, which cannot be replaced: mount its folder, or add the lines by hand", path)
	case err != nil:
		err = fmt.Errorf("write %s: %w", path, err)
	default:
		return syncFolder(filepath.Dir(path))
	}
	return errors.Join(err, os.Remove(t.Name()))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
