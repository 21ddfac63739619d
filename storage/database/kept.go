package database

import (
	"container/list"
	"context"
	"database/sql/driver"
)

// keptStatements is how many prepared statements a connection to SQLite keeps, the last used ones. Those of a server are
// fewer; it bounds what a text costs that varies with the number of its values. One takes some 10 KB.
const keptStatements = 100

// keeper opens connections that keep their prepared statements.
type keeper struct{ driver.Connector }

// Connect implements driver.Connector.
func (k keeper) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &keptConn{sqliteConn: c.(sqliteConn), byText: map[string]*list.Element{}, recent: list.New()}, nil
}

// sqliteConn is what the driver's connections can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keptConn is a connection that prepares each text once. database/sql gives it to one goroutine at a time. SQLite prepares
// a statement anew by itself when the schema has changed, and one that has failed can be run again.
type keptConn struct {
	sqliteConn
	byText map[string]*list.Element // of *keptStatement
	recent *list.List               // the last used first
}

type keptStatement struct {
	statement
	text string
	busy bool // somebody reads its rows
}

// statement is what the driver's statements can do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// prepared returns the statement of the text, which is in use from now on.
func (c *keptConn) prepared(ctx context.Context, text string) (*keptStatement, error) {
	if e := c.byText[text]; e != nil && !e.Value.(*keptStatement).busy {
		c.recent.MoveToFront(e)
		s := e.Value.(*keptStatement)
		s.busy = true
		return s, nil
	}
	made, err := c.PrepareContext(ctx, sqliteText(text))
	if err != nil {
		return nil, err
	}
	s := &keptStatement{statement: made.(statement), text: text, busy: true}
	if c.byText[text] == nil {
		c.byText[text] = c.recent.PushFront(s)
	}
	return s, nil
}

// release takes the statement back. One that is not kept is closed, and so is the one that was not used for the longest time
// when there are too many: what that answers is the error of its last run, which was told.
func (c *keptConn) release(s *keptStatement) {
	s.busy = false
	if e := c.byText[s.text]; e == nil || e.Value != s {
		s.Close()
		return
	}
	oldest := c.recent.Back()
	last := oldest.Value.(*keptStatement)
	if c.recent.Len() > keptStatements && !last.busy {
		c.recent.Remove(oldest)
		delete(c.byText, last.text)
		last.Close()
	}
}

// Close implements driver.Conn.
func (c *keptConn) Close() error {
	for e := c.recent.Front(); e != nil; e = e.Next() {
		e.Value.(*keptStatement).Close()
	}
	c.recent.Init()
	clear(c.byText)
	return c.sqliteConn.Close()
}

// ExecContext implements driver.ExecerContext.
func (c *keptConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.prepared(ctx, text)
	if err != nil {
		return nil, err
	}
	defer c.release(s)
	return s.ExecContext(ctx, args)
}

// QueryContext implements driver.QueryerContext. The statement is in use until the rows are closed.
func (c *keptConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.prepared(ctx, text)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		c.release(s)
		return nil, err
	}
	return &keptRows{rows, c, s}, nil
}

// keptRows give their statement back.
type keptRows struct {
	driver.Rows
	conn *keptConn
	of   *keptStatement
}

// Close implements driver.Rows; database/sql calls it once.
func (r *keptRows) Close() error {
	defer r.conn.release(r.of)
	return r.Rows.Close()
}

// BeginTx implements driver.ConnBeginTx. A transaction that reads first could not become a writer: it is one from the
// beginning. It waits for no longer than busy_timeout; given up in between it might have begun all the same.
func (c *keptConn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return keptTx{c}, c.begin()
}

func (c *keptConn) begin() error { return c.exec("BEGIN IMMEDIATE") }

// commit leaves nothing of a transaction that cannot be committed.
func (c *keptConn) commit() error {
	err := c.exec("COMMIT")
	if err != nil {
		c.rollback()
	}
	return err
}

func (c *keptConn) rollback() error { return c.exec("ROLLBACK") }

func (c *keptConn) exec(text string) error {
	_, err := c.ExecContext(context.Background(), text, nil)
	return err
}

type keptTx struct{ conn *keptConn }

// Commit implements driver.Tx.
func (t keptTx) Commit() error { return t.conn.commit() }

// Rollback implements driver.Tx.
func (t keptTx) Rollback() error { return t.conn.rollback() }
