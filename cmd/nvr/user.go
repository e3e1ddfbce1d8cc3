package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"keepwatch.internal/internal/accounts"
)

// userCall is one parsed "nvr user …".
type userCall struct {
	t             terminal
	people        *accounts.Directory
	name          string
	admin         bool
	passwordStdin bool
	label         string
}

// userCommand opens the accounts database itself, so that it works beside a running server and without one.
func userCommand(ctx context.Context, t terminal, args []string) error {
	actions := map[string]func(context.Context, userCall) error{
		"add": userAdd, "list": userList, "passwd": userPasswd, "remove": userRemove, "token": userToken,
	}
	fs := newFlags()
	path := configFlag(fs)
	call := userCall{t: t}
	fs.BoolVar(&call.admin, "admin", false, "add: make it an administrator")
	fs.BoolVar(&call.passwordStdin, "password-stdin", false, "add, passwd: read the password from standard input")
	fs.StringVar(&call.label, "label", "", "token: what it is for")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) == 0 || actions[words[0]] == nil {
		return usagef("say what to do: add NAME, list, passwd NAME, remove NAME or token NAME")
	}
	action := words[0]
	if want := map[bool]int{true: 1, false: 2}[action == "list"]; len(words) != want {
		return usagef("%s takes %d name, not %d", action, want-1, len(words)-1)
	}
	if err := misplaced(fs, action); err != nil {
		return err
	}
	if len(words) == 2 {
		call.name = words[1]
	}
	c, err := loadConfig(t, *path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	key, err := masterKey(c.Data, c.Recordings)
	if err != nil {
		return err
	}
	if call.people, err = openAccounts(ctx, c, key, slog.New(slog.NewTextHandler(t.err, nil))); err != nil {
		return err
	}
	return errors.Join(actions[action](ctx, call), call.people.Close())
}

// misplaced refuses a flag that the action would ignore.
func misplaced(fs *flag.FlagSet, action string) (err error) {
	takes := map[string]string{"admin": "add", "password-stdin": "add passwd", "label": "token", "config": action}
	fs.Visit(func(f *flag.Flag) {
		if !strings.Contains(takes[f.Name], action) {
			err = usagef("-%s means nothing for %s", f.Name, action)
		}
	})
	return err
}

func userAdd(ctx context.Context, c userCall) error {
	password, err := c.password()
	if err != nil {
		return err
	}
	if err := c.people.AddUser(ctx, c.name, password, c.admin); err != nil {
		return err
	}
	fmt.Fprintf(c.t.out, "added %s\n", c.name)
	return nil
}

func userPasswd(ctx context.Context, c userCall) error {
	password, err := c.password()
	if err != nil {
		return err
	}
	if err := c.people.SetPassword(ctx, c.name, password); err != nil {
		return err
	}
	fmt.Fprintf(c.t.out, "changed the password of %s and ended its sessions\n", c.name)
	return nil
}

func userRemove(ctx context.Context, c userCall) error {
	if err := c.people.RemoveUser(ctx, c.name); err != nil {
		return err
	}
	fmt.Fprintf(c.t.out, "removed %s with its sessions and tokens; footage stays\n", c.name)
	return nil
}

func userToken(ctx context.Context, c userCall) error {
	token, err := c.people.NewToken(ctx, c.name, accounts.EveryToken(c.label))
	if err != nil {
		return err
	}
	fmt.Fprintln(c.t.out, token)
	return nil
}

func userList(ctx context.Context, c userCall) error {
	users, err := c.people.Users(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tSINCE")
	for _, u := range users {
		role := "-"
		if u.Admin {
			role = "administrator"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", u.Name, role, u.Created.UTC().Format(time.DateOnly))
	}
	return w.Flush()
}

// password asks for a password twice on a terminal, or reads a line of standard input where that was asked for.
func (c userCall) password() (string, error) {
	if c.passwordStdin {
		line, err := bufio.NewReader(io.LimitReader(c.t.in, 4096)).ReadString('\n')
		if err != nil && (!errors.Is(err, io.EOF) || line == "") {
			return "", errors.New("no password on standard input")
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	fd := int(c.t.in.Fd())
	if !term.IsTerminal(fd) {
		return "", usagef("standard input is no terminal; give the password with -password-stdin")
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(c.t.err, prompt)
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(c.t.err)
		return string(b), err
	}
	first, err := ask("Password for " + c.name + ": ")
	if err != nil {
		return "", err
	}
	again, err := ask("Once more: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the passwords differ; nothing was changed")
	}
	return first, nil
}
