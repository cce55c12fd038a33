-- The application's own tables, in the same database as KongTask's: that is what lets a row and its job commit together.
create schema app;

create table app.users (
  id uuid primary key,
  name text not null,
  email text not null unique,
  created_at timestamptz not null default now()
);

create table app.products (
  id text primary key,
  stock int not null check (stock >= 0)
);

create table app.orders (
  id uuid primary key,
  customer text not null,
  product text not null references app.products,
  quantity int not null check (quantity > 0),
  carrier text not null,
  status text not null default 'new' check (status in ('new', 'paid'))
);

-- One per order, whatever happens: the primary key says so.
create table app.shipments (
  order_id uuid primary key references app.orders,
  carrier text not null,
  created_at timestamptz not null default now()
);

create table app.reports (
  id uuid primary key,
  dataset text not null,
  group_by text not null,
  sum_of text,
  rows int,
  groups jsonb,
  finished_at timestamptz
);

create table app.coupons (
  code text primary key,
  expires_at timestamptz not null
);

-- Checked at the commit, so that a coupon nobody issued fails at the last possible moment.
create table app.redemptions (
  redeemed_for uuid primary key,
  coupon text not null references app.coupons deferrable initially deferred
);

insert into app.products (id, stock) values ('kettle', 10000), ('lamp', 10000), ('teapot', 10000);
insert into app.coupons (code, expires_at) values
  ('WELCOME', 'infinity'),
  ('SUMMER19', '2019-09-30T00:00:00Z');
